import { setTimeout as sleep } from 'node:timers/promises';

import { IsolateError } from '../../error.ts';
import { findRunInSession } from '../../status/find-run.ts';
import type { RunStatus } from '../../status/status.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { execInto } from './exec.ts';
import type { Tries } from './run.ts';

/** A run that has just taken the session is known a moment later, and one that has just ended gives it back a moment later. */
const patienceMs = 10_000;

/**
 * `isolate enter --shared NAME [COMMAND]`: joins the run that uses the session or, if none does, goes on in it by `enter`, which
 * reports an error only if it is final. Returns the exit status. Throws `usage` for options that only a run of its own could have, and
 * `session-in-use` if something else than a run uses it.
 */
export async function enterShared(parsed: ParsedArguments, enter: (tries: Tries) => Promise<number>): Promise<number> {
  const [name = ''] = parsed.words;
  const endMs = performance.now() + patienceMs;
  const passing = new Set<unknown>();
  // Decided once for each error, which is reported or not accordingly.
  const isFinal = (error: unknown): boolean => {
    if (performance.now() < endMs && mayPass(error)) passing.add(error);
    return !passing.has(error);
  };
  const tries = { isFinal, said: new Set<string>() };
  for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 500)) {
    const run = await findRunInSession(name);
    try {
      return run === null ? await enter(tries) : await execInto(run, toExec(parsed, run), isFinal);
    } catch (error) {
      if (!passing.has(error) && isFinal(error)) throw error;
    }
    await sleep(pauseMs);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof IsolateError && (error.code === 'session-in-use' || error.code === 'run-missing');
}

/** What a command that joins a run may have. */
const ofCommands = new Set(['shared', 'env', 'ignore-sigint', 'json', 'quiet', 'status-fd', 'trace']);

function toExec(parsed: ParsedArguments, { runId }: RunStatus): ParsedArguments {
  const { flags, values, lists, words } = parsed;
  const [name = ''] = words;
  const other = [...flags, ...values.keys(), ...lists.keys()].find((option) => !ofCommands.has(option));
  if (other !== undefined) {
    throw new IsolateError('usage', `Run ${runId} uses the session ${name}, and a command that joins it has no --${other} of its own.`, {
      hint: `leave out --${other}, or wait until that run has ended`,
    });
  }
  return { ...parsed, verb: 'exec', words: [runId, ...words.slice(1)] };
}
