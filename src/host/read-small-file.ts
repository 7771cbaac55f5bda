import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The content of a regular file of at most `most` bytes, which may be anybody's. Does not wait for a named pipe, and does not trust the
 * size: a file can grow, and those of the kernel say that they are empty. Throws what the system says, or an Error that is a sentence.
 */
export function readSmallFile(path: string, most: number): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error('It is not a regular file.');
    const bytes = readStart(descriptor, most + 1);
    if (bytes.length > most) throw new Error(`It is larger than ${most} bytes.`);
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** What an open file has, but at most so many bytes. */
export function readStart(descriptor: number, most: number): Buffer {
  const bytes = Buffer.alloc(most);
  let length = 0;
  for (let count = 1; count > 0 && length < most; length += count) {
    count = readSync(descriptor, bytes, length, most - length, null);
  }
  return bytes.subarray(0, length);
}
