import { statfsSync } from 'node:fs';

import { IsolateError } from '../../error.ts';
import { noSpace } from '../no-space.ts';
import type { Archive } from './archive.ts';
import { runInFilling } from './filling.ts';
import { targetInside } from './launches.ts';
import type { FillingPlace, FillingTarget } from './place.ts';
import { progressMs } from './progress.ts';
import { emptyTarReport, readCheckpoint, recordBytes, reportLine, type TarReport } from './tar-report.ts';

/** How much an archive may unpack to. */
export interface UnpackLimits {
  readonly bytes: number;
  readonly entries: number;
  /** The error of a source of this name that unpacks to more bytes. */
  readonly tooLarge: (name: string) => IsolateError;
}

export interface UnpackOptions {
  readonly limits: UnpackLimits;
  /** Called some times per second. `total` is null for an archive of unknown size. */
  readonly onProgress?: (read: { readonly bytes: number; readonly total: number | null }) => void;
  readonly signal?: AbortSignal;
}

/** More files than any root has. */
const mostEntries = 4_000_000;
/** 10 MiB of the uncompressed archive. */
const checkpointRecords = 1024;

/** Nine tenths of what is free for a target, and at most `wanted` bytes. */
export function chooseLimits({ root, storage }: Pick<FillingTarget, 'root' | 'storage'>, wanted = Infinity): UnpackLimits {
  const { bavail, bsize, ffree, files } = statfsSync(root);
  const free = Math.floor(bavail * bsize * 0.9);
  // File systems that make inodes as they need them report none or very many.
  const entries = files === 0 ? mostEntries : Math.min(mostEntries, Math.floor(ffree * 0.9));
  const bytes = Math.min(free, wanted);
  const [why, hint] =
    bytes === wanted ? ['', '--max-size allows more'] : [`, nine tenths of what is free in ${storage}`, 'free some space there'];
  const tooLarge = (name: string): IsolateError =>
    new IsolateError('source-too-large', `${name} unpacks to more than ${bytes} bytes${why}.`, { hint });
  return { bytes, entries, tooLarge };
}

/**
 * Unpacks a tar archive into the target, with owners, modes, times, links, holes, extended attributes and access-control lists. Device
 * nodes and all below /dev are left out. Names and links lead nowhere else: the archive is read in the sandbox. Throws `bad-source` for a
 * damaged archive, `source-too-large`, `pool-full`, and what `runInFilling` throws. The target is then useless.
 */
export async function unpack(place: FillingPlace, archive: Archive, { limits, onProgress, signal }: UnpackOptions): Promise<TarReport> {
  const excess = new AbortController();
  let report = emptyTarReport;
  let entries = 0;
  let unpacked = 0;
  const timer = setInterval(() => {
    onProgress?.({ bytes: archive.position() ?? unpacked, total: archive.size });
  }, progressMs);
  try {
    const status = await runInFilling(place, {
      command: tarCommand(archive),
      input: archive.input,
      onOutput: (names) => {
        entries += countLines(names);
        if (entries > limits.entries) excess.abort(tooMany(archive.name, limits.entries));
      },
      onErrorLine: (line) => {
        unpacked = readCheckpoint(line) ?? unpacked;
        if (readCheckpoint(line) === null) report = reportLine(report, line);
        if (unpacked > limits.bytes) excess.abort(limits.tooLarge(archive.name));
      },
      signal: signal === undefined ? excess.signal : AbortSignal.any([signal, excess.signal]),
    });
    if (status !== 0 || report.errors > 0) refuseDamaged(archive, status, report, place.target.storage);
    return report;
  } finally {
    clearInterval(timer);
  }
}

function tooMany(name: string, entries: number): IsolateError {
  return new IsolateError('source-too-large', `${name} has more than ${entries} files.`, { hint: 'that is more than may be made here' });
}

function tarCommand({ compression }: Archive): readonly [string, ...string[]] {
  return [
    'tar',
    '--extract',
    '--verbose',
    '--file=-',
    `--directory=${targetInside}`,
    ...(compression === null ? [] : [`--use-compress-program=${compression}`]),
    '--numeric-owner',
    '--same-owner',
    '--preserve-permissions',
    '--delay-directory-restore',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
    '--quoting-style=escape',
    '--warning=no-unknown-keyword',
    '--warning=no-timestamp',
    `--record-size=${recordBytes}`,
    `--checkpoint=${checkpointRecords}`,
    '--anchored',
    ...['dev/*', './dev/*', '/dev/*'].map((pattern) => `--exclude=${pattern}`),
  ];
}

/** Nothing but device nodes may have failed: tar's status is 2 for these too. */
function refuseDamaged(archive: Archive, status: number, report: TarReport, storage: string): void {
  if (report.full) throw noSpace(`${archive.name} cannot be unpacked`, storage);
  if (report.errors > 0) {
    const more = report.errors === 1 ? '' : ` (and ${report.errors - 1} more)`;
    throw new IsolateError('bad-source', `${archive.name} cannot be unpacked.`, { cause: new Error(`${report.error ?? ''}${more}`) });
  }
  if (report.devices === 0 && report.attributes === 0) {
    throw new IsolateError('bad-source', `${archive.name} cannot be unpacked: tar ended with status ${status}.`);
  }
}

function countLines(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
  return lines;
}
