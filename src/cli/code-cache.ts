import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

import type { Caller } from './caller.ts';

/** The program for runs; what else it is asked for it leaves to the whole program in `isolate.cjs`. */
const forRuns = 'run.cjs';

/** The path of the code compiled from the program for runs in `directory`. */
export function codeCachePath(directory: string): string {
  return join(directory, 'run.cache');
}

/** What rolldown.config.ts makes of a program: it imports packages with `load`. */
type Body = (
  load: (file: string) => Promise<unknown>,
  directory: string,
  startWhole: (caller: Caller) => void,
  handedCaller: Caller | undefined,
) => void;

/**
 * The program for runs in `directory`, to be started with that directory, with the compiled code of an earlier run, which V8 accepts only
 * from the same version and flags. Node's own compile cache keeps only what is compiled when a file is loaded. That would be nearly
 * nothing, because functions are compiled when they are first called (docs/performance.md).
 */
export function loadProgram(directory: string, cachedData?: Buffer): { script: Script; run: () => void } {
  const script = read(directory, forRuns, cachedData);
  return { script, run: () => start(script, directory) };
}

function start(script: Script, directory: string, caller?: Caller): void {
  const startWhole = (caller: Caller): void => start(read(directory, 'isolate.cjs'), directory, caller);
  (script.runInThisContext() as Body)((file) => import(join(directory, file)), directory, startWhole, caller);
}

function read(directory: string, name: string, cachedData?: Buffer): Script {
  const filename = join(directory, name);
  // Pure ASCII, and a function.
  return new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
}
