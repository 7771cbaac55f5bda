import { writeSync } from 'node:fs';

import { IsolateError } from '../error.ts';

/**
 * Writes all of `text` to a descriptor. Not by `process.stdout`, which makes a pipe non-blocking for everyone who shares
 * it, the sandboxed command included. Returns false where that fails: messages that cannot be told never end a run.
 */
export function write(descriptor: number, text: string): boolean {
  return attempt(descriptor, text) === null;
}

/**
 * Writes what a verb was asked to print to standard output, as `write` does. That nobody reads it any more (EPIPE) is no
 * error; throws IsolateError `output-failed` for any other.
 */
export function print(text: string): void {
  const failure = attempt(1, text);
  if (failure !== null && errnoOf(failure.error) !== 'EPIPE') {
    throw new IsolateError('output-failed', 'Could not write to standard output.', { cause: failure.error });
  }
}

function attempt(descriptor: number, text: string): { readonly error: unknown } | null {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(descriptor, bytes, sent);
    } catch (error) {
      const code = errnoOf(error);
      if (code !== 'EAGAIN' && code !== 'EINTR') {
        return { error };
      }
      // Somebody else made the pipe non-blocking and its reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return null;
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
