import { writeSync } from 'node:fs';

import { IsolateError } from '../error.ts';

/**
 * Writes all of `text` to a descriptor. It does not use `process.stdout`, which makes a pipe non-blocking for everyone who shares it,
 * including the sandboxed command. Returns false if that fails, because a message that cannot be written must not end a run.
 */
export function write(descriptor: number, text: string): boolean {
  return attempt(descriptor, text) === null;
}

/**
 * Writes what a verb was asked to print to standard output, as `write` does. A reader that has gone (EPIPE) is not an error; throws
 * IsolateError `output-failed` for any other failure.
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
      // Another process made the pipe non-blocking, and its reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return null;
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
