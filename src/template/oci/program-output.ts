import { PassThrough, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

import { type FillingRequest, runInFilling } from '../fill/filling.ts';
import type { FillingPlace } from '../fill/place.ts';

export interface Program extends Omit<FillingRequest, 'onOutput' | 'onOutputStream' | 'onErrorLine'> {
  /** Lines of standard error that say nothing about a failure. */
  readonly isHarmless?: (line: string) => boolean;
}

/**
 * Runs a program in the filling sandbox, and returns its standard output at once. The stream ends well only after status 0; else it fails
 * with what `failed` makes of the first line of standard error. A receiver that destroys it ends the program.
 */
export function outputOf(place: FillingPlace, program: Program, failed: (said: string) => Error): Readable {
  return outputOfRun((request) => runInFilling(place, request), program, failed);
}

/** The same for a program that `start` runs. */
export function outputOfRun(
  start: (request: FillingRequest) => Promise<number>,
  { isHarmless = (): boolean => false, ...program }: Program,
  failed: (said: string) => Error,
): Readable {
  const output = new PassThrough({ highWaterMark: 2 ** 20 });
  let said: string | null = null;
  let drained: Promise<unknown> = Promise.resolve();
  const run = start({
    ...program,
    onOutputStream: (stream) => {
      drained = finished(stream, { writable: false }).catch(() => undefined);
      output.once('close', () => stream.destroy());
      stream.pipe(output, { end: false });
    },
    onErrorLine: (line) => {
      if (line !== '' && !isHarmless(line)) said ??= line;
    },
  });
  const finish = async (): Promise<void> => {
    const status = await run;
    await drained;
    if (status === 0) output.end();
    else output.destroy(failed(said ?? `it ended with status ${status}`));
  };
  finish().catch((error: unknown) => output.destroy(error as Error));
  return output;
}
