import { accessSync, constants, statSync, type Stats } from 'node:fs';
import type { StoredOwnership } from '../rootfs/rootfs.ts';
import { IsolateError } from '../error.ts';

/** A directory that serves as a template. `guid` is its device and inode. */
export interface DirectoryFacts {
  readonly guid: string;
  readonly ownership: StoredOwnership;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Reads a template directory, which the caller must be able to enter. Throws `template-missing`, `template-not-filesystem`,
 * `not-permitted`.
 */
export function describeDirectory(path: string): DirectoryFacts {
  const stats = read(path);
  if (!stats.isDirectory()) {
    throw new IsolateError('template-not-filesystem', `The template ${path} is not a directory.`);
  }
  return { guid: guidOf(stats), ownership: ownershipOf(stats), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
}

/** Synchronous, because a run waits for it anyway and Node's promises for files are slow to load. */
function read(path: string): Stats {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) accessSync(path, constants.X_OK);
    return stats;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Device and inode, which identify a directory. */
function guidOf(stats: Pick<Stats, 'dev' | 'ino'>): string {
  return `${stats.dev}:${stats.ino}`;
}

/** Root's files have the owner of the root directory. */
export function ownershipOf({ uid, gid }: Pick<Stats, 'uid' | 'gid'>): StoredOwnership {
  return uid === 0 && gid === 0 ? { kind: 'natural' } : { kind: 'shifted', uidBase: uid, gidBase: gid };
}

function unreadable(path: string, cause: unknown): IsolateError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return new IsolateError('not-permitted', `You may not enter the template directory ${path}.`);
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new IsolateError('template-missing', `There is no template directory ${path}.`);
  }
  return new IsolateError('storage-failed', `The template directory ${path} cannot be read.`, { cause });
}
