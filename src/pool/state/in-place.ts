import { type Stats, statSync } from 'node:fs';
import { stat as statLater } from 'node:fs/promises';

import { isMountRoot } from '../mount-root.ts';
import { placeOf } from '../../rootfs/rootfs.ts';
import type { CloneState } from './state-file.ts';

/** Whether the rootfs, at this path, is the directory that was made: false after an unmount, a reboot or a restart of zfs-fuse. */
export function isInPlace(state: CloneState, path = placeOf(state.rootfs)): boolean {
  try {
    return isOf(state, statSync(path));
  } catch {
    return false;
  }
}

/** The same for a process that serves others meanwhile. */
export async function isInPlaceLater(state: CloneState, path: string): Promise<boolean> {
  return await statLater(path).then(
    (stat) => isOf(state, stat),
    () => false,
  );
}

function isOf({ device, inode }: CloneState, { dev, ino }: Stats): boolean {
  return dev === device && ino === inode;
}

/** Whether the rootfs is still at `path`; asks no storage either where it is a mount. */
export function isStillThere(state: CloneState, path: string): boolean {
  // Directories that are not mounts are on the file system of the state.
  return isMountRoot(path) || isInPlace(state, path);
}
