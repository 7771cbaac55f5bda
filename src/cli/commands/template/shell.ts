import { toJson } from '../../../json.ts';
import type { Outcome } from '../../../launch/outcome.ts';
import { keepState } from '../../../template/keep-state.ts';
import { compareListings, type Difference, isSame } from '../../../template/listing.ts';
import { findShell, maintain } from '../../../template/maintain.ts';
import { changeTemplate } from '../../../template/open-store.ts';
import type { Snapshot, TemplateStore } from '../../../template/store.ts';
import type { TemplateContext } from '../../../template/context.ts';
import { listTree } from '../../../template/trees.ts';
import { ask, canAsk } from '../../ask.ts';
import { exitCodeOf } from '../../exit-code.ts';
import { write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { renderDifference } from '../../render-difference.ts';
import { findGiven } from '../../../template/given.ts';
import { tellOldClones, tellWarning } from './voice.ts';
import { readWords } from './words.ts';

/**
 * `isolate template shell TEMPLATE [COMMAND...]`: tells at the end what changed, and offers a snapshot. Exits as the command does. What is
 * told goes to standard error, because standard output is the command's.
 */
export async function shellVerb(parsed: ParsedArguments): Promise<number> {
  return await maintainVerb(parsed, readWords(parsed, 1, Infinity, 'isolate template shell TEMPLATE [COMMAND...]'), {
    asks: canAsk(),
    keepsFailed: true,
  });
}

/** `isolate template exec TEMPLATE COMMAND...`: the same without questions. What a failed command leaves is not kept as a snapshot. */
export async function execVerb(parsed: ParsedArguments): Promise<number> {
  return await maintainVerb(parsed, readWords(parsed, 2, Infinity, 'isolate template exec TEMPLATE COMMAND...'), {
    asks: false,
    keepsFailed: false,
  });
}

interface Manner {
  /** Whether somebody is there who can be asked for a snapshot. */
  readonly asks: boolean;
  /** Whether `--snapshot` also keeps what a failed command leaves, as a shell ends with the status of its last command. */
  readonly keepsFailed: boolean;
}

async function maintainVerb(
  parsed: ParsedArguments,
  [word = '', ...command]: readonly string[],
  { asks, keepsFailed }: Manner,
): Promise<number> {
  const { ref, context } = await findGiven(word);
  const wants = parsed.flags.has('snapshot');
  const { outcome, difference, snapshot } = await changeTemplate(ref, context, async (store) => {
    const { outcome: ended, difference: seen } = await runAndCompare(store, context, command, word);
    const keeps = (wants ? keepsFailed || exitCodeOf(ended) === 0 : asks && offers(word, seen, parsed)) && !isSame(seen);
    const kept = keeps ? await keepState(store, context).catch((error: unknown) => tellUnkept(error, seen)) : null;
    return { outcome: ended, difference: seen, snapshot: kept };
  });
  tellEnd(parsed, word, difference, snapshot, asks && !wants);
  if (snapshot !== null) await tellOldClones(parsed, { ref, context });
  return exitCodeOf(outcome);

  /** The command's changes stay, whether or not they can be kept as a snapshot. */
  function tellUnkept(error: unknown, seen: Difference): never {
    tellChanges(parsed, word, seen, null, asks && !wants);
    throw error;
  }
}

async function runAndCompare(
  store: TemplateStore,
  context: TemplateContext,
  command: readonly string[],
  name: string,
): Promise<{ readonly outcome: Outcome; readonly difference: Difference }> {
  const tree = await store.open();
  try {
    const before = await listTree(context, tree.path, true);
    const what = command.length === 0 ? [findShell(tree)] : command;
    const outcome = await maintain(tree, context, { command: what, name, onEvent: tellWarning });
    return { outcome, difference: compareListings(before, await listTree(context, tree.path, true)) };
  } finally {
    await tree.close();
  }
}

function offers(name: string, difference: Difference, { flags }: ParsedArguments): boolean {
  if (isSame(difference) || flags.has('json') || flags.has('quiet')) return false;
  write(2, renderDifference(name, difference));
  return ask('Keep this as a snapshot?', true);
}

function tellEnd(parsed: ParsedArguments, name: string, difference: Difference, snapshot: Snapshot | null, wasAsked: boolean): void {
  const { flags } = parsed;
  tellChanges(parsed, name, difference, snapshot, wasAsked);
  if (flags.has('json') || flags.has('quiet')) return;
  if (snapshot !== null) write(2, `isolate: ${name}@${snapshot.label} keeps this state\n`);
  else if (flags.has('snapshot') && !isSame(difference)) {
    write(2, `isolate: no snapshot keeps this, because the command failed; isolate template snapshot ${name} makes one\n`);
  }
}

function tellChanges({ flags }: ParsedArguments, name: string, difference: Difference, snapshot: Snapshot | null, wasAsked: boolean): void {
  if (flags.has('json')) write(2, `${toJson({ template: name, ...difference, snapshot })}\n`);
  else if (!flags.has('quiet') && (!wasAsked || isSame(difference))) write(2, renderDifference(name, difference));
}
