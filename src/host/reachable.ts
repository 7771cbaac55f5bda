import { dirname, join } from 'node:path';

import type { PathFacts } from './facts.ts';
import type { MountEntry } from './mountinfo.ts';
import { probePath } from './path-facts.ts';
import { readMounts } from './read-mounts.ts';

/** The directories from / downwards that somebody passes to reach a tree. */
export type WayIn = readonly string[];

/**
 * Every way into the tree at `path`, or a part of it, through a mount that honours set-uid bits. `path` is absolute and has no links.
 */
export function findWaysIn(path: string, mounts: readonly MountEntry[]): WayIn[] {
  return placesOf(path, mounts)
    .filter(({ mount }) => !mount.options.includes('nosuid'))
    .map((place) => ancestors(place.path));
}

/** Whether anyone but root can pass all directories of a way in. An owner always can; nobody can if another mount covers one. */
export function letsOthersIn(way: WayIn, probePath: (path: string) => PathFacts | null): boolean {
  return way.every((directory) => {
    const facts = probePath(directory);
    return facts !== null && (facts.uid !== 0 || (facts.mode & 0o011) !== 0);
  });
}

/** Whether anyone but root has such a way in, as this process sees it. */
export function isReachableByOthers(path: string): boolean {
  return findWaysIn(path, readMounts()).some((way) => letsOthersIn(way, probePath));
}

interface Place {
  readonly path: string;
  readonly mount: MountEntry;
}

/** Every path at which a mount shows the tree or a part of it. */
function placesOf(path: string, mounts: readonly MountEntry[]): Place[] {
  const mount = mountOf(path, mounts);
  if (mount === undefined) return [];
  const inFileSystem = join(mount.root, path.slice(mount.mountpoint === '/' ? 0 : mount.mountpoint.length));
  return mounts.flatMap((other): Place[] => {
    if (other.device !== mount.device) return [];
    if (isWithin(inFileSystem, other.root)) return [{ path: join(other.mountpoint, inFileSystem.slice(other.root.length)), mount: other }];
    return isWithin(other.root, inFileSystem) ? [{ path: other.mountpoint, mount: other }] : [];
  });
}

/** Of the mounts on the longest mountpoint above `path`, the last one listed is in effect. */
function mountOf(path: string, mounts: readonly MountEntry[]): MountEntry | undefined {
  let found: MountEntry | undefined;
  for (const mount of mounts) {
    if (isWithin(path, mount.mountpoint) && (found === undefined || mount.mountpoint.length >= found.mountpoint.length)) found = mount;
  }
  return found;
}

function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), path];
}
