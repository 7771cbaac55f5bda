import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

import type { Caller } from './caller.ts';

/** The program for runs, and the whole one, to which it leaves everything else. */
export type ProgramName = 'run' | 'isolate';

/** The path of the code compiled from a program in `directory`. */
export function codeCachePath(directory: string, name: ProgramName): string {
  return join(directory, `${name}.cache`);
}

/** What rolldown.config.ts makes of a program: it imports packages with `load`. */
type Body = (
  load: (file: string) => Promise<unknown>,
  directory: string,
  startWhole: (caller: Caller) => void,
  handedCaller: Caller | undefined,
) => void;

/**
 * Starts the program for runs in `directory`, and the whole one if it is needed, with the compiled code of earlier starts, which V8
 * accepts only from the same version and flags. Node's own compile cache keeps only what is compiled when a file is loaded. That would be
 * nearly nothing, because functions are compiled when they are first called (docs/performance.md). `onRead` gets each program that is
 * started.
 */
export function startProgram(directory: string, onRead: (name: ProgramName, script: Script) => void = () => {}): void {
  const start = (name: ProgramName, caller?: Caller): void => {
    const script = read(directory, name);
    onRead(name, script);
    const startWhole = (caller: Caller): void => start('isolate', caller);
    (script.runInThisContext() as Body)((file) => import(join(directory, file)), directory, startWhole, caller);
  };
  start('run');
}

function read(directory: string, name: ProgramName): Script {
  const filename = join(directory, `${name}.cjs`);
  // Pure ASCII, and a function.
  return new Script(readFileSync(filename, 'latin1'), { filename, cachedData: readCache(codeCachePath(directory, name)) });
}

/** Without it everything works, but more slowly. */
function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
