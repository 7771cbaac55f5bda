import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Where the code that was compiled from the bundle in `directory` lies. */
export function codeCachePath(directory: string): string {
  return join(directory, 'isolate.cache');
}

/**
 * The bundle in `directory`, to be run with that directory. With the compiled code of an earlier run, which V8 takes only
 * if it is of the same V8 and the same flags. Node's own compile cache would keep what is compiled when a file is loaded,
 * but no function that is compiled when it is first called, and so nearly nothing (docs/performance.md).
 */
export function loadBundle(directory: string, cachedData?: Buffer): { script: Script; run: () => void } {
  const filename = join(directory, 'isolate.cjs');
  // The bundle is all ASCII.
  const script = new Script(`(function (load, __dirname) {${readFileSync(filename, 'latin1')}\n})`, { filename, cachedData });
  const run = (): void => {
    const body = script.runInThisContext() as (load: (file: string) => Promise<unknown>, directory: string) => void;
    body((file) => import(join(directory, file)), directory);
  };
  return { script, run };
}
