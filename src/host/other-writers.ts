import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

import { findUserName, membersOf } from './passwd.ts';
import { readText } from './read-text.ts';

/** What to check, and for whom. */
export interface WriterSearch {
  /** Absolute paths without links; directories are checked with everything in them. */
  readonly paths: readonly string[];
  /** The user who runs it; only that user and root are trusted. */
  readonly uid: number;
}

/** Somebody who can change a path: a login name, `user 1000`, `the group staff`, `everyone`. */
export interface OtherWriter {
  readonly path: string;
  readonly who: string;
}

const stickyBit = 0o1000;

/**
 * Who else can change these files, or replace them because a directory above them is theirs; topmost paths first. Access control lists
 * are ignored. A group counts if it has another member, or if /etc/group does not name it.
 */
export function findOtherWriters({ paths, uid }: WriterSearch): readonly OtherWriter[] {
  const above = new Set(paths.flatMap(ancestors));
  const names = { passwd: readText('/etc/passwd') ?? '', group: readText('/etc/group') ?? '', uid };
  const tell = (path: string, stats: Stats): readonly OtherWriter[] => {
    const who = writerOf(stats, names);
    return who === null ? [] : [{ path, who }];
  };
  return [
    ...[...above].toSorted((a, b) => a.length - b.length).flatMap((path) => look(path, (stats) => tell(path, withoutSticky(stats)))),
    ...paths.flatMap(within).flatMap((path) => look(path, (stats) => tell(path, stats))),
  ];
}

/** In a directory with the sticky bit only the owner of a file can replace it, and the owner is checked. */
export function withoutSticky(stats: Stats): Stats {
  return (stats.mode & stickyBit) === 0 ? stats : Object.assign(stats, { mode: stats.mode & ~0o022 });
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...ancestors(parent)];
}

function within(path: string): readonly string[] {
  try {
    return [path, ...readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))];
  } catch {
    return [path];
  }
}

/** A file that has gone or cannot be accessed cannot be loaded either; a link itself does not matter. */
function look<Found>(path: string, action: (stats: Stats) => readonly Found[]): readonly Found[] {
  try {
    const stats = lstatSync(path);
    return stats.isSymbolicLink() ? [] : action(stats);
  } catch {
    return [];
  }
}

/** Who besides root and the user `uid` may change what has this status; null: nobody. */
export function describeWriter(stats: Stats, uid: number): string | null {
  return writerOf(stats, { passwd: readText('/etc/passwd') ?? '', group: readText('/etc/group') ?? '', uid });
}

interface Names {
  readonly passwd: string;
  readonly group: string;
  readonly uid: number;
}

function writerOf(stats: Stats, { passwd, group, uid }: Names): string | null {
  if (stats.uid !== 0 && stats.uid !== uid) return findUserName(passwd, stats.uid) ?? `user ${stats.uid}`;
  if ((stats.mode & 0o002) !== 0) return 'everyone';
  if ((stats.mode & 0o020) === 0) return null;
  const found = membersOf(passwd, group, stats.gid);
  if (found === null) return stats.gid === 0 ? null : `the group ${stats.gid}`;
  const trusted = new Set(['root', findUserName(passwd, uid)]);
  return found.members.some((name) => !trusted.has(name)) ? `the group ${found.name}` : null;
}
