import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';

import { blobPath, printDigest, startHash } from '../oci/digest.ts';
import { startMeter } from '../oci/meter.ts';
import {
  type Blob,
  configType,
  describeImage,
  type ImageFacts,
  type LayerCompression,
  layerTypes,
  manifestType,
  printImageConfig,
  printIndex,
  printLayoutVersion,
  printManifest,
} from './image-documents.ts';

/** An image layout that was written. */
export interface WrittenImage {
  /** Of the manifest. */
  readonly digest: string;
  /** Of all files that it consists of, in bytes. */
  readonly size: number;
  /** What an index says of it. */
  readonly entry: object;
  readonly blobs: readonly Blob[];
}

export interface LayoutRequest extends Omit<ImageFacts, 'diffId'> {
  readonly compression: LayerCompression;
  /** Of the image in the layout; null: none. */
  readonly name: string | null;
  /** With how many uncompressed bytes have been read. */
  readonly onRead: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Writes an image of one layer, the archive that `pack` begins, as a layout in the new directory `path`. Digests are summed up as the bytes
 * pass.
 */
export async function writeLayout(path: string, pack: () => Readable, request: LayoutRequest): Promise<WrittenImage> {
  await mkdir(join(path, 'blobs/sha256'), { recursive: true });
  const { layer, diffId } = await writeLayer(path, pack(), request);
  const config = await writeBlob(path, configType, printImageConfig({ ...request, diffId }));
  const manifest = await writeBlob(path, manifestType, printManifest(config, layer));
  const entry = describeImage(manifest, request.platform, request.name);
  await writeFile(join(path, 'index.json'), printIndex([entry]));
  await writeFile(join(path, 'oci-layout'), printLayoutVersion());
  const blobs = [layer, config, manifest];
  return { digest: printDigest(manifest.digest), size: blobs.reduce((sum, { size }) => sum + size, 0), entry, blobs };
}

async function writeLayer(
  path: string,
  tar: Readable,
  { compression, onRead, signal }: LayoutRequest,
): Promise<{ readonly layer: Blob; readonly diffId: Blob['digest'] }> {
  const content = startMeter('sha256', onRead);
  const file = startMeter('sha256', () => {});
  const unnamed = join(path, 'layer');
  const stages = [tar, content.stream, startCompressor(compression), file.stream, createWriteStream(unnamed, { flags: 'wx' })];
  await pipeline(stages, signal === undefined ? {} : { signal });
  const layer = { mediaType: layerTypes[compression], digest: { algorithm: 'sha256', hex: file.hex() }, size: file.bytes() } as const;
  await rename(unnamed, join(path, blobPath(layer.digest)));
  return { layer, diffId: { algorithm: 'sha256', hex: content.hex() } };
}

function startCompressor(compression: LayerCompression): Transform {
  return compression === 'gzip' ? createGzip() : createZstdCompress();
}

async function writeBlob(path: string, mediaType: string, content: Buffer): Promise<Blob> {
  const digest = { algorithm: 'sha256', hex: startHash('sha256').update(content).digest('hex') } as const;
  await writeFile(join(path, blobPath(digest)), content);
  return { mediaType, digest, size: content.length };
}
