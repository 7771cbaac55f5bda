import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { type MountEntry, parseMountinfo } from './mountinfo.ts';

/**
 * Whether users other than the owners of its directories can get at programs in the tree at `path` and run them set-uid: every
 * directory on the way may be entered by group or others, and the mount honours set-uid bits. `path` is absolute and real.
 */
export function isReachableByOthers(path: string): boolean {
  const way = ancestors(path);
  const open = way.every((directory) => (statSync(directory).mode & 0o011) !== 0);
  return open && !isMountedNoSuid(path, parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')));
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), path];
}

/** The last mount listed of the longest mount point that leads to `path` is the one in effect. */
function isMountedNoSuid(path: string, mounts: readonly MountEntry[]): boolean {
  let found: MountEntry | undefined;
  for (const mount of mounts) {
    const prefix = mount.mountpoint === '/' ? '/' : `${mount.mountpoint}/`;
    if (!`${path}/`.startsWith(prefix)) continue;
    if (found === undefined || mount.mountpoint.length >= found.mountpoint.length) found = mount;
  }
  return found?.options.includes('nosuid') ?? false;
}
