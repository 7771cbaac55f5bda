import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { type Decompressor, magicBytes, recognizeCompression } from './compression.ts';

/** A tar archive to unpack, whose content nobody vouches for. */
export interface Archive {
  /** For messages. */
  readonly name: string;
  readonly input: number | Readable;
  readonly compression: Decompressor | null;
  /** In bytes; null: unknown until it ends. */
  readonly size: number | null;
  /** How many bytes have been read by now; null: unknown. */
  readonly position: () => number | null;
  readonly close: () => void;
}

/** Opens a file with the caller's rights. Throws `bad-source` if it is missing, unreadable or no file. */
export function openArchive(path: string): Archive {
  const descriptor = open(path);
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) {
    closeSync(descriptor);
    throw new IsolateError('bad-source', `${path} is not a file.`);
  }
  const start = Buffer.alloc(magicBytes);
  const length = readSync(descriptor, start, 0, magicBytes, 0);
  return {
    name: path,
    input: descriptor,
    compression: recognizeCompression(start.subarray(0, length)),
    size: stats.size,
    position: () => readPosition(descriptor),
    close: () => closeSync(descriptor),
  };
}

/** An archive on a stream, of which `name` is what messages call it. Throws `bad-source` if it ends at once. */
export async function receiveArchive(stream: Readable, name: string): Promise<Archive> {
  const start = await readStart(stream);
  if (start.length === 0) throw new IsolateError('bad-source', `${name} is empty.`);
  let received = 0;
  stream.unshift(start);
  const compression = recognizeCompression(start);
  stream.on('data', (chunk: Buffer) => (received += chunk.length));
  stream.pause();
  return { name, input: stream, compression, size: null, position: () => received, close: () => void stream.destroy() };
}

function open(path: string): number {
  try {
    // A named pipe would let it wait for a writer, and nothing could end that.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new IsolateError('bad-source', `${path} cannot be read.`, { cause });
  }
}

/** The open file is shared with the programs that read it, so its position tells how far they are (proc_pid_fdinfo(5)). */
function readPosition(descriptor: number): number | null {
  try {
    const [, position] = /^pos:\s+([0-9]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')) ?? [];
    return position === undefined ? null : Number(position);
  } catch {
    return null;
  }
}

function readStart(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.off('readable', look).off('end', finish).off('error', reject);
    };
    const finish = (): void => {
      settle();
      resolve(Buffer.alloc(0));
    };
    const look = (): void => {
      const chunk = (stream.read(magicBytes) ?? (stream.readableEnded ? stream.read() : null)) as Buffer | null;
      if (chunk === null) return;
      settle();
      resolve(chunk);
    };
    stream.on('readable', look).once('end', finish).once('error', reject);
    look();
  });
}
