import { existsSync, type Stats, statSync } from 'node:fs';

import { IsolateError } from '../../error.ts';
import { printTemplateRecord, type TemplateDefaults } from '../../spec/template-record.ts';
import type { FillingPlace } from '../fill/place.ts';
import { nowAndThen } from '../fill/progress.ts';
import type { TemplateSource } from '../fill/source.ts';
import type { UnpackOptions } from '../fill/unpack.ts';
import { filesInArchive } from './archive-files.ts';
import { filesInDirectory } from './directory-files.ts';
import { type Image, readDockerArchive, readLayout } from './image.ts';
import type { ImageFiles } from './image-files.ts';
import { bad } from './json.ts';
import { splitLocator } from './locator.ts';
import { openPlainArchive } from './open-archive.ts';
import { platformOf } from './platform.ts';
import { fetchImage } from './skopeo.ts';
import { unpackLayer } from './unpack-layer.ts';

export interface ImageOptions extends UnpackOptions {
  /** A directory for what lies on the disk only while an image is read. */
  readonly scratch: string;
  /** A step that has begun, as a phrase. */
  readonly onStep?: (step: string) => void;
  /** Whatever a registry shows as its certificate, if any. */
  readonly insecure: boolean;
}

/** What a template takes over from an image. */
export interface FilledFromImage {
  readonly defaults: TemplateDefaults;
  readonly digest: string;
  /** Settings of the image that mean nothing to isolate. */
  readonly unused: readonly string[];
  readonly devices: number;
  readonly attributes: number;
}

type ImageSource = Extract<TemplateSource, { kind: 'image' }>;

/**
 * Unpacks the layers of an image into the empty target. Every byte is checked against the image's digests. Throws `bad-source`,
 * `source-too-large`, `source-failed`, `missing-tool`, `pool-full`. The target is then useless.
 */
export async function fillFromImage(
  place: FillingPlace,
  { format, locator }: ImageSource,
  options: ImageOptions,
): Promise<FilledFromImage> {
  const { scratch, insecure, signal } = options;
  if (format === 'docker') {
    options.onStep?.(`fetching ${locator}`);
    const fetched = await fetchImage(place.facts, locator, scratch, {
      insecure,
      mostBytes: options.limits.bytes,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      return await unpackImage(place, filesInDirectory(fetched.path), { format: 'oci', name: null }, options);
    } finally {
      fetched.remove();
    }
  }
  const { path, name } = splitLocator(locator, existsSync);
  refuseOtherKind(path, format);
  if (format === 'oci') return await unpackImage(place, filesInDirectory(path), { format, name }, options);
  const archive = await openPlainArchive(place, path, scratch, options);
  try {
    return await unpackImage(place, await filesInArchive(place, archive.fd, path, signal), { format, name }, options);
  } finally {
    await archive.close();
  }
}

/** Says plainly what else could go wrong at the first file. */
function refuseOtherKind(path: string, format: Wanted['format']): void {
  const stats = look(path);
  if (format === 'oci' && !stats.isDirectory()) {
    throw new IsolateError('bad-source', `${path} is not a directory.`, { hint: `an image in an archive: --from oci-archive:${path}` });
  }
  if (format !== 'oci' && stats.isDirectory()) {
    throw new IsolateError('bad-source', `${path} is a directory.`, { hint: `an image in a directory: --from oci:${path}` });
  }
}

function look(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw new IsolateError('bad-source', `${path} cannot be read.`, { cause });
  }
}

interface Wanted {
  readonly format: 'oci' | 'oci-archive' | 'docker-archive';
  readonly name: string | null;
}

async function unpackImage(
  place: FillingPlace,
  files: ImageFiles,
  { format, name }: Wanted,
  options: ImageOptions,
): Promise<FilledFromImage> {
  const read = format === 'docker-archive' ? readDockerArchive : readLayout;
  const image = await read(files, { name, platform: platformOf(process.arch) });
  refuseDefaults(image, files.name);
  const { devices, attributes } = await unpackLayers(place, files, image, options);
  return { defaults: image.defaults, digest: image.digest, unused: image.unused, devices, attributes };
}

/** Before the layers are unpacked rather than when the record is written. */
function refuseDefaults({ defaults }: Image, name: string): void {
  try {
    printTemplateRecord({ version: 1, createdMs: 0, defaults });
  } catch (cause) {
    throw new IsolateError('bad-source', `The settings of ${name} for runs cannot be used.`, { cause });
  }
}

async function unpackLayers(
  place: FillingPlace,
  files: ImageFiles,
  { layers }: Image,
  { limits, onProgress, signal }: ImageOptions,
): Promise<{ readonly devices: number; readonly attributes: number }> {
  const total = layers.every(({ blob }) => blob !== null) ? layers.reduce((sum, { blob }) => sum + (blob?.size ?? 0), 0) : null;
  let [entries, devices, attributes, read, unpacked] = [0, 0, 0, 0, 0];
  const tell = nowAndThen((bytes) => onProgress?.({ bytes, total }));
  for (const layer of layers) {
    const [readBefore, unpackedBefore] = [read, unpacked];
    // One after the other, because each lies over those before it.
    const counts = await unpackLayer(place, files, layer, {
      mostEntries: limits.entries - entries,
      onRead: (bytes) => {
        read = readBefore + bytes;
        tell(read);
      },
      onUnpacked: (bytes) => {
        unpacked = unpackedBefore + bytes;
        if (unpacked > limits.bytes) throw limits.tooLarge(files.name);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    entries += counts.entries;
    devices += counts.devices;
    attributes += counts.attributes;
  }
  if (entries === 0) throw bad(`${files.name} has nothing in its layers.`);
  return { devices, attributes };
}
