import { type Stats, realpathSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { idsPerSandbox } from '../../spec/parse-number.ts';
import { packOptions } from './pack-options.ts';
import { readAsCaller, readInSandbox, type TreeReader } from './tree-reader.ts';

/** A directory to read, and what messages call it. */
export interface PackedDirectory {
  readonly path: string;
  readonly name: string;
  /** What is left out, by its absolute path without links. */
  readonly without?: string;
}

/**
 * Makes a tar archive of a directory, on one file system and without sockets and /dev, and hands it over as a stream as soon as it begins.
 * Owners that belong to a sandbox's ids become the natural ones. Throws `bad-source` for what cannot be read, the reason of `signal`.
 */
export async function packDirectory(
  facts: Facts,
  { path, name, without }: PackedDirectory,
  onStream: (stream: Readable) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { source, stats } = look(path);
  const reader = openReader(source, stats, facts);
  try {
    let failure: string | null = null;
    const status = await reader.run({
      command: [...packOptions(reader.path), ...leaveOut(source, without), '--sparse', '.'],
      onOutputStream: onStream,
      onErrorLine: (line) => {
        if (!isHarmless(line)) failure ??= line;
      },
      ...(signal === undefined ? {} : { signal }),
    });
    // 1: a file changed while it was read.
    if (failure === null && status > 1) failure = `tar ended with status ${status}`;
    if (failure !== null) throw new IsolateError('bad-source', `${name} cannot be copied.`, { cause: new Error(failure) });
  } finally {
    reader.release();
  }
}

/** The words for tar(1) that leave out `path` if it is in `directory`. */
function leaveOut(directory: string, path: string | undefined): readonly string[] {
  const inside = path === undefined ? '..' : relative(directory, path);
  return inside.startsWith('..') ? [] : ['--no-wildcards', `--exclude=./${inside}`];
}

/** A tree with the ids of sandboxes is read in one with these ids, which shows the natural owners. */
function openReader(source: string, { uid, gid }: Stats, facts: Facts): TreeReader {
  const { user } = facts;
  const own = user.rights === 'user' && uid === user.uid;
  const shifted = user.rights === 'root' && uid >= idsPerSandbox && gid >= idsPerSandbox;
  if (!own && !shifted) return readAsCaller(source, facts);
  const ownership = shifted ? ({ kind: 'shifted', uidBase: uid, gidBase: gid } as const) : ({ kind: 'natural' } as const);
  return readInSandbox({ root: source, ownership, idmappable: false, storage: source }, facts);
}

function look(path: string): { readonly source: string; readonly stats: Stats } {
  try {
    const source = realpathSync(path);
    return { source, stats: statSync(source) };
  } catch (cause) {
    throw new IsolateError('bad-source', `${path} cannot be read.`, { cause });
  }
}

/** What a directory that is in use may have, and a template does not need. A file system without attributes has none to lose. */
const harmless = [
  /: (?:socket ignored|file changed as we read it|file is on a different filesystem; not dumped)$/,
  /: Warning: Cannot [fl]*listxattr(?:at)?: Operation not supported$/,
  /^tar: Exiting with failure/,
];

function isHarmless(line: string): boolean {
  return harmless.some((pattern) => pattern.test(line));
}
