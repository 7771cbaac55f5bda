import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { firstLine, longestHeader, parseHeader, type StreamHeader } from './header.ts';

/** Reads a header off a stream, of which the payload is left. `from` is the stream in messages. Throws `bad-source`. */
export async function readHeader(stream: Readable, from: string): Promise<StreamHeader> {
  let read = Buffer.alloc(0);
  for (;;) {
    const [first, second] = cutLines(read);
    if (first !== firstLine && !`${firstLine}\n`.startsWith(read.subarray(0, firstLine.length + 1).toString('latin1'))) throw notOurs(from);
    if (second !== undefined) {
      stream.unshift(read.subarray(firstLine.length + 1 + Buffer.byteLength(second) + 1));
      return parseHeader(second, from);
    }
    if (read.length > longestHeader) throw notOurs(from);
    const chunk = await readSome(stream);
    if (chunk === null) throw read.length === 0 ? new IsolateError('bad-source', `${from} is empty.`) : notOurs(from);
    read = Buffer.concat([read, chunk]);
  }
}

/** The whole lines at the beginning, at most two. */
function cutLines(bytes: Buffer): readonly string[] {
  const first = bytes.indexOf(10);
  if (first === -1) return [];
  const second = bytes.indexOf(10, first + 1);
  const lines = [bytes.subarray(0, first).toString('latin1')];
  return second === -1 ? lines : [...lines, bytes.subarray(first + 1, second).toString('utf8')];
}

/** null: the stream has ended. */
function readSome(stream: Readable): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      stream.off('readable', look).off('end', finish).off('close', finish).off('error', fail);
      action();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const finish = (): void => settle(() => resolve(null));
    const look = (): void => {
      const chunk = stream.read() as Buffer | null;
      if (chunk !== null) settle(() => resolve(chunk));
    };
    if (stream.readableEnded || stream.destroyed) return resolve(null);
    stream.on('readable', look).once('end', finish).once('close', finish).once('error', fail);
    look();
  });
}

function notOurs(from: string): IsolateError {
  return new IsolateError('bad-source', `${from} is not what isolate template send writes.`, {
    hint: 'isolate template create TEMPLATE --from FILE takes a tar archive',
  });
}
