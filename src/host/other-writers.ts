import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

import { findUserName, membersOf } from './passwd.ts';
import { readText } from './read-text.ts';

/** What is looked at, for whom. */
export interface WriterSearch {
  /** Absolute paths without links; a directory is looked at with all that is in it. */
  readonly paths: readonly string[];
  /** Who runs it; besides that user only root is trusted. */
  readonly uid: number;
}

/** One who can change a path: a login name, `user 1000`, `the group staff`, `everyone`. */
export interface OtherWriter {
  readonly path: string;
  readonly who: string;
}

const stickyBit = 0o1000;

/**
 * Who else can change these files, or put others in their place because a directory above them is theirs; the topmost paths
 * first. Access control lists are not looked at. A group counts that has another member, or that no file of this host names.
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

/** The names in a directory that has the bit can only be given to something else by the owner of what has them, who is looked at. */
function withoutSticky(stats: Stats): Stats {
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

/** What went away, or cannot be looked at, cannot be loaded either; a link says nothing itself. */
function look<Found>(path: string, action: (stats: Stats) => readonly Found[]): readonly Found[] {
  try {
    const stats = lstatSync(path);
    return stats.isSymbolicLink() ? [] : action(stats);
  } catch {
    return [];
  }
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
