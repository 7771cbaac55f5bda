import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describeWriter, type OtherWriter, withoutSticky } from './other-writers.ts';

/** As many as the kernel follows (path_resolution(7)). */
const mostLinks = 40;

/**
 * Who besides root and the user `uid` could put something else at `path`, because a directory or link on the way to it is theirs; null:
 * nobody. The sticky bit of the directory with the last component does not count: everybody could still put other names beside it. What is
 * missing on the way would be the maker's own. Access control lists are ignored.
 */
export function findWriterAbove(path: string, uid: number): OtherWriter | null {
  const waiting = split(dirname(path));
  let current = '/';
  let links = 0;
  for (;;) {
    const stats = lstatSync(current, { throwIfNoEntry: false });
    if (stats === undefined) return null;
    const isLink = stats.isSymbolicLink();
    // Everybody has all rights to a link itself, and they mean nothing.
    const mode = isLink ? 0 : stats.mode;
    const entry = Object.assign(stats, { mode });
    const who = describeWriter(waiting.length > 0 ? withoutSticky(entry) : entry, uid);
    if (who !== null) return { path: current, who };
    if (isLink) {
      links += 1;
      // What cannot be resolved cannot be used.
      if (links > mostLinks) return null;
      const target = readlinkSync(current);
      waiting.unshift(...split(target));
      current = target.startsWith('/') ? '/' : dirname(current);
    }
    const next = waiting.shift();
    if (next === undefined) return null;
    current = join(current, next);
  }
}

function split(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}
