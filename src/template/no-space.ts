import { IsolateError } from '../error.ts';
import { describeSystemError } from '../process/system-error.ts';

const hint = 'free some space there';

/** The error for what could not be done without space in `storage`, a directory or dataset that the user knows. */
export function noSpace(what: string, storage: string, cause?: unknown): IsolateError {
  return new IsolateError('pool-full', `${what}: there is too little space left in ${storage}.`, { hint, cause });
}

/** Whether a program says so, in C's locale. */
export function saysNoSpace(text: string): boolean {
  return /(?:No space left on device|Disk quota exceeded)\.?$/im.test(text);
}

/** Whether a system call failed for that reason. */
export function isNoSpace(error: unknown): boolean {
  return describeSystemError(error)?.code === 'pool-full';
}

/** Makes a file or directory of isolate's own in `parent`, which is what the user knows. Throws `state-unreadable`, `pool-full`. */
export function makeIn<T>(parent: string, kind: 'file' | 'directory', make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const failure = describeSystemError(cause);
    if (failure === null) throw cause;
    if (failure.code === 'pool-full') throw noSpace(`No ${kind} can be made`, parent);
    throw new IsolateError(failure.code, `No ${kind} can be made in ${parent}: ${failure.reason}.`);
  }
}
