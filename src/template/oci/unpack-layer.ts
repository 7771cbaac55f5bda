import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { IsolateError } from '../../error.ts';
import { receiveArchive } from '../fill/archive.ts';
import { runInFilling } from '../fill/filling.ts';
import { ownProgramInside, targetInside } from '../fill/launches.ts';
import type { FillingPlace } from '../fill/place.ts';
import { noSpace, saysNoSpace } from '../no-space.ts';
import { printDigest } from './digest.ts';
import type { Layer } from './image.ts';
import type { ImageFiles } from './image-files.ts';
import { bad } from './json.ts';
import { type Meter, startMeter } from './meter.ts';
import { outputOf } from './program-output.ts';

/** What a layer had, from isolate-unpack. */
export interface LayerCounts {
  readonly entries: number;
  readonly devices: number;
  readonly attributes: number;
}

export interface LayerOptions {
  readonly mostEntries: number;
  /** With how many bytes of the layer's file have been read. */
  readonly onRead: (bytes: number) => void;
  /** With how many uncompressed ones; what it throws ends the layer. */
  readonly onUnpacked: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks one layer over those below it in the target, as its bytes pass, and checks what they were. Throws `bad-source` for a layer that
 * is damaged, hostile, or not the one that was meant, `pool-full`, and what `onUnpacked` throws. The target is then useless.
 */
export async function unpackLayer(place: FillingPlace, files: ImageFiles, layer: Layer, options: LayerOptions): Promise<LayerCounts> {
  const name = `${layer.path} of ${files.name}`;
  try {
    return await unpackUnchecked(place, files, layer, { ...options, name });
  } catch (error) {
    // What stands in a damaged file is of no interest.
    if (error instanceof IsolateError && error.code === 'bad-source') await checkFile(files, layer, name);
    throw error;
  }
}

async function unpackUnchecked(
  place: FillingPlace,
  files: ImageFiles,
  layer: Layer,
  { name, mostEntries, onRead, onUnpacked, signal }: LayerOptions & { readonly name: string },
): Promise<LayerCounts> {
  const file = startMeter(layer.blob?.digest.algorithm ?? layer.diffId.algorithm, onRead);
  const content = startMeter(layer.diffId.algorithm, onUnpacked);
  const options = signal === undefined ? {} : { signal };
  const passing = [failureOf(pipeline(await files.open(layer.path), file.stream))];
  const archive = await receiveArchive(file.stream, name).catch(async (error: unknown) => {
    throw (await firstFailure(passing)) ?? error;
  });
  const input = archive.input as Readable;
  const plain =
    archive.compression === null
      ? input
      : outputOf(place, { command: [archive.compression, '-dc'], input, ...options }, (said) =>
          bad(`${name} cannot be uncompressed: ${said}.`),
        );
  passing.push(failureOf(pipeline(plain, content.stream)));
  let counted = '';
  let said: string | null = null;
  const ended = runInFilling(place, {
    command: [ownProgramInside, targetInside, String(mostEntries)],
    ownProgram: place.facts.files.unpacker,
    input: content.stream,
    onOutput: (chunk) => (counted += chunk.toString('latin1')),
    onErrorLine: (line) => (said ??= line),
    ...options,
  });
  const status = await ended;
  const failure = await firstFailure(passing);
  if (failure !== null) throw failure;
  if (status !== 0) throw refused(status, said ?? `isolate-unpack ended with status ${status}`, name, place.target.storage);
  checkContent(file, content, layer, name);
  const [entries = 0, devices = 0, attributes = 0] = counted.trim().split(' ').map(Number);
  return { entries, devices, attributes };
}

/** null: all passed, or the stream was cut because another one ended, which is not the reason. */
async function failureOf(passing: Promise<void>): Promise<IsolateError | null> {
  try {
    await passing;
    return null;
  } catch (error) {
    return error instanceof IsolateError ? error : null;
  }
}

async function firstFailure(passing: readonly Promise<IsolateError | null>[]): Promise<IsolateError | null> {
  const failures = await Promise.all(passing);
  return failures.find((failure) => failure !== null) ?? null;
}

function refused(status: number, said: string, name: string, storage: string): IsolateError {
  if (status !== 1 && saysNoSpace(said)) return noSpace(`${name} cannot be unpacked`, storage);
  return new IsolateError(status === 1 ? 'bad-source' : 'storage-failed', `${name} cannot be unpacked.`, {
    cause: new Error(said.slice(0, 500)),
  });
}

function checkContent(file: Meter, content: Meter, { blob, diffId }: Layer, name: string): void {
  if (blob !== null && (file.bytes() !== blob.size || file.hex() !== blob.digest.hex)) throw damaged(name);
  if (content.hex() !== diffId.hex) {
    throw bad(`${name} is not the layer of the image's configuration: its content does not have the digest ${printDigest(diffId)}.`);
  }
}

/** Throws `bad-source` if the file itself is not what was meant. */
async function checkFile(files: ImageFiles, { path, blob }: Layer, name: string): Promise<void> {
  if (blob === null) return;
  const meter = startMeter(blob.digest.algorithm, () => {});
  const right = await pipeline(await files.open(path), meter.stream.resume()).then(
    () => meter.bytes() === blob.size && meter.hex() === blob.digest.hex,
    () => true,
  );
  if (!right) throw damaged(name);
}

function damaged(name: string): IsolateError {
  return bad(`${name} is damaged: its content has another digest.`);
}
