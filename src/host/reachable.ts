import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { MountEntry } from './mountinfo.ts';
import { readMounts } from './read-mounts.ts';

/**
 * Whether anyone but root can get at programs in the tree at `path` and run them set-uid: on some mount that shows the tree, or
 * a part of it, every directory on the way lets others in, and the mount honours set-uid bits. `path` is absolute and real.
 */
export function isReachableByOthers(path: string): boolean {
  const mounts = readMounts();
  return placesOf(path, mounts).some((place) => !place.mount.options.includes('nosuid') && ancestors(place.path).every(letsOthersIn));
}

interface Place {
  readonly path: string;
  readonly mount: MountEntry;
}

/** Every path at which a mount shows the tree, or a part of it. */
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

/** The last mount listed of the longest mount point that leads to `path` is the one in effect. */
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

/** Its owner always gets in; where another mount lies over this one, nobody does. */
function letsOthersIn(directory: string): boolean {
  const stats = statSync(directory, { throwIfNoEntry: false });
  return stats !== undefined && (stats.uid !== 0 || (stats.mode & 0o011) !== 0);
}
