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

/** So much is written at once. */
const partSize = 65_536;

/**
 * Writes the parts to a descriptor as they come, with what is a string as UTF-8, and waits for a slow reader. When the reader has gone
 * (EPIPE), no more parts are asked for. Throws `output-failed` for any other failure.
 */
export async function printParts(parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>, descriptor = 1): Promise<void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  const flush = (): boolean => {
    const failure = attempt(descriptor, Buffer.concat(waiting));
    waiting = [];
    size = 0;
    if (failure === null) return true;
    if (errnoOf(failure.error) === 'EPIPE') return false;
    throw new IsolateError('output-failed', 'Could not write the output.', { cause: failure.error });
  };
  for await (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    waiting.push(bytes);
    size += bytes.length;
    if (size >= partSize && !flush()) return;
  }
  flush();
}

/** Writes bytes to standard output; what prevents it is returned. */
export function printBytes(bytes: Uint8Array): Error | null {
  const failure = attempt(1, bytes);
  return failure === null ? null : failure.error instanceof Error ? failure.error : new Error(String(failure.error));
}

function attempt(descriptor: number, content: string | Uint8Array): { readonly error: unknown } | null {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
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
