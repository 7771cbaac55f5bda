import { type Stats, statSync } from 'node:fs';
import { stat as statLater } from 'node:fs/promises';

import { isMountRoot } from '../mount-root.ts';
import type { Shelf } from '../shelf.ts';
import { placeOf } from '../../rootfs/rootfs.ts';
import type { CloneRecord } from './state-file.ts';

/**
 * Whether the rootfs is the directory that was made: false after an unmount, a reboot or a restart of zfs-fuse. Looks on the host, or
 * below the root of the shelf.
 */
export function isInPlace(state: CloneRecord, root = ''): boolean {
  try {
    return isOf(state, statSync(root + placeOf(state.rootfs)));
  } catch {
    return false;
  }
}

/**
 * Judges the fresh clones of a pool, to be asked about the oldest first, while others are served. A look at a file of each of 900
 * clones takes zfs-fuse half a second, so once one on the shelf answers, the later ones there are not looked at: the storage that
 * mounted them has not ended since, and nobody mounts anything else on the shelf.
 */
export function checkInOrder(find: Shelf['find']): (state: CloneRecord) => Promise<boolean> {
  let answers = false;
  return async (state) => {
    const place = placeOf(state.rootfs);
    const path = find(place);
    const isOnShelf = path !== place;
    if (isOnShelf && answers) return true;
    const isThere = await statLater(path).then(
      (stat) => isOf(state, stat),
      () => false,
    );
    answers ||= isOnShelf && isThere;
    return isThere;
  };
}

function isOf({ device, inode }: CloneRecord, { dev, ino }: Stats): boolean {
  return dev === device && ino === inode;
}

/** Where this process reaches the rootfs; null: it is no longer mounted. Asks no storage where it is a mount. */
export function findStillThere(state: CloneRecord, find: Shelf['find']): string | null {
  const place = placeOf(state.rootfs);
  const path = find(place);
  // Directories that are not mounts are on the file system of the state.
  return path !== place || isMountRoot(path) || isInPlace(state) ? path : null;
}
