import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { magicBytes, recognizeCompression } from '../fill/compression.ts';
import type { FillingPlace } from '../fill/place.ts';
import type { UnpackOptions } from '../fill/unpack.ts';
import { isNoSpace, noSpace } from '../no-space.ts';
import { bad } from './json.ts';
import { outputOf } from './program-output.ts';
import { makeScratch } from '../scratch-directory.ts';

/**
 * Opens an archive of an image. A compressed one, whose files could not be found without reading it again and again, is uncompressed into
 * a file without a name in `scratch`, a directory. Throws `bad-source`, `source-too-large` and `pool-full`.
 */
export async function openPlainArchive(
  place: FillingPlace,
  path: string,
  scratch: string,
  { limits, signal }: Pick<UnpackOptions, 'limits' | 'signal'>,
): Promise<FileHandle> {
  const file = await openFile(path);
  let plain: FileHandle | null = null;
  try {
    if (!(await file.stat()).isFile()) throw bad(`${path} is not a file.`);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(magicBytes), position: 0 });
    const compression = recognizeCompression(buffer.subarray(0, bytesRead));
    if (compression === null) return file;
    plain = await openNameless(scratch);
    const request = { command: [compression, '-dc'] as const, input: file.fd, ...(signal === undefined ? {} : { signal }) };
    const output = outputOf(place, request, (said) => bad(`${path} cannot be uncompressed: ${said}.`));
    await plain.writeFile(atMost(output, limits, path)).catch((error: unknown) => {
      throw isNoSpace(error) ? noSpace(`${path} cannot be uncompressed`, scratch) : error;
    });
    await file.close();
    return plain;
  } catch (error) {
    await file.close();
    await plain?.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  // A pipe would let it wait for a writer.
  return await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new IsolateError('bad-source', `${path} cannot be read.`, { cause });
  });
}

async function openNameless(parent: string): Promise<FileHandle> {
  const { path, remove } = makeScratch(parent);
  try {
    return await open(join(path, 'archive'), 'wx+', 0o600);
  } finally {
    remove();
  }
}

async function* atMost(stream: Readable, limits: UnpackOptions['limits'], name: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > limits.bytes) throw limits.tooLarge(name);
    yield chunk as Buffer;
  }
}
