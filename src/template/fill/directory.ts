import { realpathSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { receiveArchive } from './archive.ts';
import { packDirectory } from './pack.ts';
import type { FillingPlace } from './place.ts';
import type { TarReport } from './tar-report.ts';
import { unpack, type UnpackOptions } from './unpack.ts';

/**
 * Copies the directory at `path`, on one file system and without sockets, into the target, which may be in it. Owners that belong to a
 * sandbox's ids become the natural ones. Throws `bad-source` for what cannot be read, and what `unpack` throws.
 */
export async function copyDirectory(place: FillingPlace, path: string, options: UnpackOptions): Promise<TarReport> {
  const stopped = new AbortController();
  const signal = options.signal === undefined ? stopped.signal : AbortSignal.any([options.signal, stopped.signal]);
  let hand: (stream: Readable) => void = () => {};
  const stream = new Promise<Readable>((resolve) => (hand = resolve));
  const packed = packDirectory(place.facts, { path, name: path, without: realpathSync(place.target.root) }, hand, signal);
  const unpacked = Promise.race([stream, packed.then(() => stream)]).then(async (output) =>
    unpack(place, await receiveArchive(output, path), { ...options, signal }),
  );
  const stopBoth = (error: unknown): never => stop(stopped, error);
  const [packing, unpacking] = await Promise.allSettled([packed.catch(stopBoth), unpacked.catch(stopBoth)]);
  options.signal?.throwIfAborted();
  // What could not be read explains why the archive is bad.
  if (packing.status === 'rejected' && isUnreadable(packing.reason)) throw packing.reason;
  for (const result of [unpacking, packing]) if (result.status === 'rejected') throw result.reason;
  return await unpacked;
}

function isUnreadable(error: unknown): boolean {
  return error instanceof IsolateError && error.code === 'bad-source';
}

function stop(controller: AbortController, error: unknown): never {
  controller.abort(error);
  throw error;
}
