import { openFillProgress } from '../../fill-progress.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';

type Progress = ReturnType<typeof openFillProgress>;

/** How a long change is followed and ended. */
export interface Following {
  readonly signal: AbortSignal;
  readonly onStep: Progress['step'];
  readonly onProgress: Progress['show'];
}

/** Runs a long change, shows how far it is unless a verb is to be quiet, and ends it at a signal. `verb`: what is done with the bytes. */
export async function follow<T>(
  { flags }: ParsedArguments,
  change: (following: Following) => Promise<T>,
  verb?: Parameters<typeof openFillProgress>[1],
): Promise<T> {
  const progress = openFillProgress(flags.has('quiet') || flags.has('json'), verb);
  return await withStopSignals((signal) => change({ signal, onStep: progress.step, onProgress: progress.show })).finally(progress.end);
}
