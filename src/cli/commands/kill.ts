import { isatty } from 'node:tty';

import { IsolateError } from '../../error.ts';
import { toJson } from '../../json.ts';
import { isAlive } from '../../pool/holder.ts';
import { findRun } from '../../status/find-run.ts';
import { holderOf } from '../../status/run-holder.ts';
import { openStatusSource, type StatusSource } from '../../status/status-source.ts';
import type { RunStatus } from '../../status/status.ts';
import { print, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { withStopSignals } from '../stop-signals.ts';

/** How often to check whether the runs have ended. */
const lookMs = 100;
/** After this time the user is told what isolate is waiting for. */
const waitedMs = 1000;

/** `isolate kill RUN...`: ends runs as SIGTERM does, and waits for their end. */
export async function killVerb({ words, flags }: ParsedArguments): Promise<number> {
  if (words.length === 0) throw new IsolateError('usage', 'No run was given.', { hint: 'isolate ps lists the runs' });
  const source = openStatusSource(process.getuid?.() ?? 0);
  try {
    const { runs } = await source.runs();
    const chosen = [...new Set(words.map((word) => findRun(runs, word)))];
    // If one of them cannot be ended, none is.
    for (const run of chosen) holderOf(run, 'kill');
    for (const run of chosen) signal(run);
    await withStopSignals((stop) => waitForEnd(source, chosen, flags.has('now'), stop));
    if (flags.has('json')) print(`${toJson({ ended: chosen })}\n`);
    return 0;
  } finally {
    source.close();
  }
}

/** Sends SIGTERM, and SIGCONT for a stopped run. A run that has already ended is no error; its PID may have been reused. */
function signal(run: RunStatus): void {
  const { runId, pid, user, uid } = run;
  const holder = holderOf(run, 'kill');
  if (!isAlive(holder, holder.bootId)) return;
  try {
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ESRCH') return;
    throw new IsolateError('not-permitted', `Run ${runId} belongs to ${user ?? 'a user without a name'} (uid ${uid}).`, {
      hint: 'only that user and root can end it',
      ...(code === 'EPERM' ? {} : { cause }),
    });
  }
}

/** A second SIGTERM ends the rest of the grace time. Two at once would merge into one. */
async function waitForEnd(source: StatusSource, chosen: readonly RunStatus[], now: boolean, stop: AbortSignal): Promise<void> {
  const sinceMs = performance.now();
  let isTold = !isatty(2);
  for (;;) {
    const { runs } = await source.runs();
    const left = chosen.filter(({ runId }) => runs.some((run) => run.runId === runId));
    if (left.length === 0) return;
    stop.throwIfAborted();
    if (now) for (const run of left) signal(run);
    if (!isTold && performance.now() - sinceMs >= waitedMs) {
      write(2, `isolate: waiting for ${left.map(({ runId }) => runId).join(', ')} to end\n`);
      isTold = true;
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, lookMs);
    });
  }
}
