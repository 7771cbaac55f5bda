import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** The path of the code compiled from the bundle in `directory`. */
export function codeCachePath(directory: string): string {
  return join(directory, 'isolate.cache');
}

/**
 * The bundle in `directory`, to be run with that directory, with the compiled code of an earlier run, which V8 accepts only from the same
 * version and flags. Node's own compile cache keeps only what is compiled when a file is loaded. That would be nearly nothing, because
 * functions are compiled when they are first called (docs/performance.md).
 */
export function loadBundle(directory: string, cachedData?: Buffer): { script: Script; run: () => void } {
  const filename = join(directory, 'isolate.cjs');
  // The bundle is pure ASCII, and a function.
  const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
  const run = (): void => {
    const body = script.runInThisContext() as (load: (file: string) => Promise<unknown>, directory: string) => void;
    body((file) => import(join(directory, file)), directory);
  };
  return { script, run };
}
