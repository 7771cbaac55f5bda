import { IsolateError } from '../error.ts';
import type { Outcome } from '../launch/outcome.ts';
import type { RunEvent } from '../run/run-event.ts';
import type { TemplateContext } from './context.ts';
import { findUpgrade, isNothing } from './distribution.ts';
import { refuseReachable } from './keep-private.ts';
import { keepState } from './keep-state.ts';
import { compareListings, type Difference } from './listing.ts';
import { maintain } from './maintain.ts';
import type { OpenTree, Snapshot, TemplateStore } from './store.ts';
import { listTree } from './trees.ts';

export interface UpdateOptions {
  /** What the template is called. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** What an update changed, and the snapshot of the state after it; null: there was nothing to upgrade. */
export interface Updated {
  readonly difference: Difference;
  readonly snapshot: Snapshot | null;
}

/**
 * Upgrades the distribution in a template, completely or not at all, and keeps the new state as a snapshot. The caller holds the
 * template's lock. Throws `update-failed`, `unsupported-option`, `cannot-enforce`, `aborted`.
 */
export async function updateTemplate(store: TemplateStore, context: TemplateContext, options: UpdateOptions): Promise<Updated> {
  // A copy is changed, in a directory of its own, and then is where the template was.
  refuseReachable(store.ref, context.facts.user);
  const { signal } = options;
  const attempt = await store.attempt(signal);
  let difference: Difference;
  try {
    try {
      const stoppable = { ...context, signal };
      const before = await listTree(stoppable, attempt.tree.path, false);
      await upgrade(attempt.tree, context, options);
      difference = compareListings(before, await listTree(stoppable, attempt.tree.path, false));
    } finally {
      await attempt.tree.close();
    }
  } catch (error) {
    await attempt.fail();
    throw error;
  }
  const { added, changed, removed } = difference;
  if (isNothing([...added, ...changed, ...removed])) {
    await attempt.fail();
    return { difference, snapshot: null };
  }
  await attempt.succeed();
  return { difference, snapshot: await keepState(store, context) };
}

async function upgrade(tree: OpenTree, context: TemplateContext, { name, signal, onEvent }: UpdateOptions): Promise<void> {
  const { commands, environment } = findUpgrade(tree.path, name);
  for (const command of commands) {
    signal.throwIfAborted();
    const outcome = await maintain(tree, context, { command, environment, name, ...(onEvent === undefined ? {} : { onEvent }) });
    signal.throwIfAborted();
    if (outcome.kind === 'exited' && outcome.code === 0) continue;
    throw new IsolateError('update-failed', `The template ${name} is as before, because ${command.join(' ')} ${describe(outcome)}.`);
  }
}

function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exited with ${outcome.code}`;
    case 'killed':
      return `was ended by ${outcome.signal}`;
    case 'timed-out':
      return 'took too long';
    case 'not-executed':
      return 'could not be executed';
  }
}
