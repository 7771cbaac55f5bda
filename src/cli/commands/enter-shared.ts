import { setTimeout as sleep } from 'node:timers/promises';

import { IsolateError } from '../../error.ts';
import { findRunInSession } from '../../status/find-run.ts';
import type { RunStatus } from '../../status/status.ts';
import { options } from '../options.ts';
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
  const said = new Set<string>();
  for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 500)) {
    const isLast = performance.now() > endMs;
    const isFinal = (error: unknown): boolean => isLast || !mayPass(error);
    const run = await findRunInSession(name);
    try {
      return run === null ? await enter({ isFinal, said }) : await execInto(run, toExec(parsed, run), isFinal);
    } catch (error) {
      if (isFinal(error)) throw error;
    }
    await sleep(pauseMs);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof IsolateError && (error.code === 'session-in-use' || error.code === 'run-missing');
}

/** What a command that joins a run may have. */
const ofCommands = new Set(['shared', ...options.filter(({ verbs }) => verbs.includes('exec')).map(({ long }) => long)]);

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
