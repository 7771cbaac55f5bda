import { statSync } from 'node:fs';

import { IsolateError } from '../../error.ts';
import type { TemplateRecord } from '../../spec/template-record.ts';
import { type Archive, openArchive, receiveArchive } from './archive.ts';
import { copyDirectory } from './directory.ts';
import { installDistribution } from './distribution.ts';
import type { DistributionOptions } from './installers.ts';
import { checkRoot, finishRoot, readRecord } from './finish.ts';
import { fillFromImage } from '../oci/fill-from-image.ts';
import type { FillingPlace } from './place.ts';
import { scratchDirectory } from '../scratch-directory.ts';
import type { TemplateSource } from './source.ts';
import { emptyTarReport, type TarReport } from './tar-report.ts';
import { chooseLimits, unpack, type UnpackOptions } from './unpack.ts';

export interface FillOptions extends DistributionOptions {
  /** The most bytes that a source may unpack to; absent: nine tenths of what is free. */
  readonly maxBytes?: number;
  /** The source as the user wrote it, for messages and the record. */
  readonly name: string;
  readonly createdMs: number;
  /** A step that has begun, as a phrase. */
  readonly onStep?: (step: string) => void;
  readonly onProgress?: UnpackOptions['onProgress'];
  /** Images of registries: also without TLS, and with certificates that nobody vouches for. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

/** What a template was filled with. */
export interface Filled {
  readonly record: TemplateRecord;
  /** What could not be taken over. */
  readonly left: Pick<TarReport, 'devices' | 'attributes'>;
}

/**
 * Makes a root of the empty target: fills it, checks it, and writes its record. A failure leaves a useless target. Throws `bad-source`,
 * `source-too-large`, `source-failed`, `missing-tool`, `pool-full`, the reason of `signal`.
 */
export async function fillFrom(source: TemplateSource, place: FillingPlace, options: FillOptions): Promise<Filled> {
  const { name, createdMs } = options;
  const filling = await fill(settleSource(source), place, options);
  options.signal?.throwIfAborted();
  checkRoot(place.target.root, name);
  const record: TemplateRecord = { version: 1, createdMs, source: name, ...filling.record };
  await finishRoot(place, record);
  const { devices, attributes } = filling.left;
  return { record, left: { devices, attributes } };
}

interface Filling {
  readonly record: Pick<TemplateRecord, 'defaults' | 'digest' | 'unused'>;
  readonly left: Filled['left'];
}

async function fill(source: TemplateSource, place: FillingPlace, options: FillOptions): Promise<Filling> {
  const { maxBytes, onProgress, signal, name } = options;
  const unpackOptions = {
    limits: chooseLimits(place.target, maxBytes),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  };
  switch (source.kind) {
    case 'distribution':
      await installDistribution(place, source, options);
      return { record: { defaults: {} }, left: emptyTarReport };
    case 'directory':
      return await withDefaults(place, name, await copyDirectory(place, source.path, unpackOptions));
    case 'archive':
      return await withDefaults(place, name, await unpackOpened(place, openArchive(source.path), unpackOptions));
    case 'standard-input':
      return await withDefaults(
        place,
        name,
        await unpackOpened(place, await receiveArchive(process.stdin, 'standard input'), unpackOptions),
      );
    case 'image': {
      const { defaults, digest, unused, devices, attributes } = await fillFromImage(place, source, {
        ...unpackOptions,
        scratch: scratchDirectory(place.facts),
        insecure: options.insecure ?? false,
        ...(options.onStep === undefined ? {} : { onStep: options.onStep }),
      });
      return { record: { defaults, digest, ...(unused.length === 0 ? {} : { unused }) }, left: { devices, attributes } };
    }
    case 'path':
      throw new Error('A path was not settled.');
  }
}

async function unpackOpened(place: FillingPlace, archive: Archive, options: UnpackOptions): Promise<TarReport> {
  try {
    return await unpack(place, archive, options);
  } finally {
    archive.close();
  }
}

/** A copy of a template has its defaults. */
async function withDefaults(place: FillingPlace, name: string, left: TarReport): Promise<Filling> {
  const { defaults = {}, digest } = (await readRecord(place, name)) ?? {};
  return { record: { defaults, ...(digest === undefined ? {} : { digest }) }, left };
}

/** A path is a directory or an archive. Throws `bad-source` if there is nothing. */
export function settleSource(source: TemplateSource): Exclude<TemplateSource, { kind: 'path' }> {
  if (source.kind !== 'path') return source;
  const { path } = source;
  try {
    return { kind: statSync(path).isDirectory() ? 'directory' : 'archive', path };
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new IsolateError('bad-source', `${path} cannot be read.`, {
      cause,
      ...(isMissing ? { hint: 'releases are written debian:SUITE, and images of registries docker://IMAGE' } : {}),
    });
  }
}
