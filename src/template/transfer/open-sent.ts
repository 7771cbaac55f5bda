import { closeSync, constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { parseHostPath } from '../../spec/parse-path.ts';

/** Opens what a template was sent to: a file or a pipe. Throws `bad-source`, `usage`. */
export function openSent(file: string, workingDirectory: string): { readonly name: string; readonly input: Readable } {
  const path = parseHostPath('usage', 'The file', file, workingDirectory);
  return { name: path, input: open(path) };
}

function open(path: string): Readable {
  const descriptor = openReadable(path);
  const stats = fstatSync(descriptor);
  if (stats.isFile()) return createReadStream('', { fd: descriptor });
  if (stats.isFIFO()) return new Socket({ fd: descriptor });
  closeSync(descriptor);
  throw new IsolateError('bad-source', `${path} is not a file.`);
}

function openReadable(path: string): number {
  try {
    // A named pipe would let it wait for a writer, and nothing could end that.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new IsolateError('bad-source', `${path} cannot be read.`, { cause });
  }
}
