import { planToolInRun } from '../engine/exec.ts';
import { findEngine } from '../engine/registry.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { Launch } from '../launch/launch.ts';
import type { FoundSession } from '../run/callers-index.ts';
import { findCallersSession } from '../run/find-session.ts';
import { withGivenSession } from '../run/given-session.ts';
import { treeInside, withLeasedSession, withSessionTree } from '../run/session-tree.ts';
import { planTreeProgram, startTree, type StartedTree } from '../run/tree-program.ts';
import { findRunToJoin, passMissing } from '../status/find-run.ts';
import { holderOf } from '../status/run-holder.ts';
import type { RunStatus } from '../status/status.ts';

/** The root of a session or run, in which isolate-tree can be started. */
export interface Guest {
  /** Where isolate-tree sees it. */
  readonly root: string;
  /** Where runs have something of their own over it, which is not there now. */
  readonly covered: readonly string[];
  readonly start: (words: readonly string[], signal?: AbortSignal) => Promise<StartedTree>;
}

export interface GuestOptions {
  readonly facts: Facts;
  readonly warn: (message: string) => void;
  readonly writable: boolean;
}

/**
 * Gives `action` the caller's session of this name as it is stored or, while a run uses it, as that run sees it; or the caller's run of
 * this id. Throws `session-missing`, `session-in-use`, `not-permitted`, and the storage's error.
 */
export async function withGuest<T>(name: string, options: GuestOptions, action: (guest: Guest) => Promise<T>): Promise<T> {
  const session = await findCallersSession(name).catch(passMissing);
  const idle = session === null ? null : await withIdleSession(session, options, action).catch(passInUse);
  if (idle !== null && !(idle instanceof IsolateError)) return idle.result;
  const run = await findRun(name);
  if (run !== null) return await action(runAsGuest(run, options.facts));
  if (idle !== null) throw idle;
  throw new IsolateError('session-missing', `There is neither a session nor a run ${JSON.stringify(name)}.`, {
    hint: 'isolate sessions and isolate ps list yours',
  });
}

/** Rethrows everything but `session-in-use`. */
function passInUse(error: unknown): IsolateError {
  if (error instanceof IsolateError && error.code === 'session-in-use') return error;
  throw error;
}

async function withIdleSession<T>(
  { record, keptBy }: FoundSession,
  options: GuestOptions,
  action: (guest: Guest) => Promise<T>,
): Promise<{ readonly result: T }> {
  const { facts, writable } = options;
  const { mountpoints: covered } = findEngine(record.engine).capabilities;
  if (keptBy === 'daemon') {
    const wanted = [{ tree: 'clone', inside: treeInside, writable }] as const;
    return await withGivenSession(record, { facts, verb: 'cp', withBase: false }, async ({ start }) => ({
      result: await action({ root: treeInside, covered, start: (words, signal) => start(words, wanted, signal) }),
    }));
  }
  return await withLeasedSession(record, options, async (session) =>
    withSessionTree(session, facts, writable, async (place) => ({
      result: await action(asGuest(facts, treeInside, covered, (words) => planTreeProgram(facts, words, place))),
    })),
  );
}

/** null: the caller has no such run. */
async function findRun(word: string): Promise<RunStatus | null> {
  return await findRunToJoin(word).catch((error: unknown) => {
    if (error instanceof IsolateError && error.code === 'run-missing') return null;
    throw error;
  });
}

function runAsGuest(run: RunStatus, facts: Facts): Guest {
  const { pid, startTime } = holderOf(run, 'cp');
  const join = { engine: run.engine, run: run.runId, holder: { pid, startTime } };
  return asGuest(facts, '/', [], (words) => planToolInRun(facts.files.tree, ['isolate-tree', ...words], join));
}

function asGuest(facts: Facts, root: string, covered: readonly string[], plan: (words: readonly string[]) => Launch): Guest {
  return { root, covered, start: async (words, signal) => startTree(facts, plan(words), { signal }) };
}
