import { closeSync, constants, openSync, readSync } from 'node:fs';

import { IsolateError } from '../error.ts';

/** More than any command can take. */
const mostBytes = 4 * 2 ** 20;
/** How often to check a silent pipe, in milliseconds. */
const lookMs = 10;

/**
 * The text of a file of variables, or of what a pipe holds until its end, such as the shell's `<(command)`. It never waits for somebody
 * to open the other end of a pipe, or longer than `silentMs` for a byte. Throws what the kernel says, and `bad-environment` for a file
 * that is too large or a pipe that is silent too long.
 */
export function readEnvironmentFile(path: string, silentMs = 10_000): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    return readToEnd(descriptor, path, silentMs);
  } finally {
    closeSync(descriptor);
  }
}

function readToEnd(descriptor: number, path: string, silentMs: number): string {
  const chunk = Buffer.alloc(64 * 1024);
  const chunks: Buffer[] = [];
  const never = new Int32Array(new SharedArrayBuffer(4));
  let length = 0;
  for (let waitedMs = 0; waitedMs < silentMs;) {
    const count = readNow(descriptor, chunk);
    if (count === 0) return Buffer.concat(chunks).toString('utf8');
    if (count === null) {
      Atomics.wait(never, 0, 0, lookMs);
      waitedMs += lookMs;
      continue;
    }
    waitedMs = 0;
    length += count;
    if (length > mostBytes) throw new IsolateError('bad-environment', `${JSON.stringify(path)} is larger than 4 MiB.`);
    chunks.push(Buffer.from(chunk.subarray(0, count)));
  }
  throw new IsolateError('bad-environment', `Nothing has come from ${JSON.stringify(path)} for ${silentMs / 1000} s.`);
}

/** Null: no data yet. */
function readNow(descriptor: number, into: Buffer): number | null {
  try {
    return readSync(descriptor, into);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    throw error;
  }
}
