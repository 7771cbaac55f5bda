import { writeSync } from 'node:fs';

/**
 * Writes all of `text` to a descriptor. Not by `process.stdout`, which makes a pipe non-blocking for everyone who shares
 * it, the sandboxed command included. Returns false when nobody reads any more (EPIPE).
 */
export function write(descriptor: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(descriptor, bytes, sent);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EPIPE') {
        return false;
      }
      if (code !== 'EAGAIN' && code !== 'EINTR') {
        throw error;
      }
      // Somebody else made the pipe non-blocking and its reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
