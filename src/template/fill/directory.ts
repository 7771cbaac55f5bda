import { type Stats, realpathSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { idsPerSandbox } from '../../spec/parse-number.ts';
import { receiveArchive } from './archive.ts';
import { type FillingRequest, runAsCaller, runInFilling } from './filling.ts';
import { targetInside } from './launches.ts';
import { claimFillingPlace, type FillingPlace } from './place.ts';
import type { TarReport } from './tar-report.ts';
import { unpack, type UnpackOptions } from './unpack.ts';

/**
 * Copies the directory at `path`, on one file system and without sockets, into the target. Owners that belong to a sandbox's ids become
 * the natural ones. Throws `bad-source` for what cannot be read, and what `unpack` throws.
 */
export async function copyDirectory(place: FillingPlace, path: string, options: UnpackOptions): Promise<TarReport> {
  const { source, stats } = look(path);
  const reader = openReader(source, stats, place.facts);
  const stopped = new AbortController();
  const signal = options.signal === undefined ? stopped.signal : AbortSignal.any([options.signal, stopped.signal]);
  try {
    const failures: string[] = [];
    let hand: (stream: Readable) => void = () => {};
    const stream = new Promise<Readable>((resolve) => (hand = resolve));
    const onErrorLine = (line: string): void => {
      if (!isHarmless(line) && failures.length < mostFailures) failures.push(line);
    };
    const packed = reader.run({ command: packCommand(reader.path), onOutputStream: hand, onErrorLine, signal });
    const unpacked = Promise.race([stream, packed.then(() => stream)]).then(async (output) =>
      unpack(place, await receiveArchive(output, path), { ...options, signal }),
    );
    const results = await Promise.allSettled([packed, unpacked.catch((error: unknown) => stop(stopped, error))]);
    options.signal?.throwIfAborted();
    if (failures[0] !== undefined) throw new IsolateError('bad-source', `${path} cannot be copied.`, { cause: new Error(failures[0]) });
    for (const result of results.toReversed()) if (result.status === 'rejected') throw result.reason;
    return await unpacked;
  } finally {
    reader.release();
  }
}

const mostFailures = 1;

function stop(controller: AbortController, error: unknown): never {
  controller.abort(error);
  throw error;
}

interface Reader {
  /** The directory as the program sees it. */
  readonly path: string;
  readonly run: (request: FillingRequest) => Promise<number>;
  readonly release: () => void;
}

/** A tree with the ids of sandboxes is read in one with these ids, which shows the natural owners. */
function openReader(source: string, { uid, gid }: Stats, facts: Facts): Reader {
  const { user } = facts;
  const own = user.rights === 'user' && uid === user.uid;
  const shifted = user.rights === 'root' && uid >= idsPerSandbox && gid >= idsPerSandbox;
  if (!own && !shifted) return { path: source, run: (request) => runAsCaller(facts, request), release: () => {} };
  const ownership = shifted ? ({ kind: 'shifted', uidBase: uid, gidBase: gid } as const) : ({ kind: 'natural' } as const);
  const place = claimFillingPlace({ root: source, ownership, idmappable: false }, facts);
  return { path: targetInside, run: (request) => runInFilling(place, request), release: place.release };
}

function look(path: string): { readonly source: string; readonly stats: Stats } {
  try {
    const source = realpathSync(path);
    return { source, stats: statSync(source) };
  } catch (cause) {
    throw new IsolateError('bad-source', `${path} cannot be read.`, { cause });
  }
}

function packCommand(path: string): readonly [string, ...string[]] {
  return [
    'tar',
    '--create',
    '--file=-',
    '--format=posix',
    `--directory=${path}`,
    '--one-file-system',
    '--numeric-owner',
    '--sparse',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
    '--quoting-style=escape',
    '--anchored',
    '--exclude=./dev/*',
    '.',
  ];
}

/** What a directory that is in use may have, and a template does not need. */
function isHarmless(line: string): boolean {
  return /: (?:socket ignored|file changed as we read it|file is on a different filesystem; not dumped)$|^tar: Exiting with failure/.test(
    line,
  );
}
