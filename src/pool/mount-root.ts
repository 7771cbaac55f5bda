import { closeSync, constants, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Whether something is mounted at `path`. Takes as long with a thousand mounts as with one, and asks no storage, which may take its
 * time or never answer: a process that serves others must not wait for it. Nor may it be interrupted while it waits, as by the
 * end of a child: zfs-fuse may then stop for good. That storage has died behind its mounts is not seen here.
 */
export function isMountRoot(path: string): boolean {
  const id = findMountId(path);
  return id !== null && id !== findMountId(dirname(path));
}

/** The kernel's id of the mount that `path` is on: a descriptor that is only a place (O_PATH, open(2)) knows it (proc_pid_fdinfo(5)). */
export function findMountId(path: string): string | null {
  let place: number;
  try {
    place = openSync(path, onlyPlace | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    return /^mnt_id:\t([0-9]+)$/m.exec(readShort(`/proc/self/fdinfo/${place}`))?.[1] ?? null;
  } finally {
    closeSync(place);
  }
}

const buffer = Buffer.alloc(256);

/** In one read, because a run asks more than once. */
function readShort(path: string): string {
  const file = openSync(path, constants.O_RDONLY);
  try {
    return buffer.toString('latin1', 0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}

/** O_PATH of open(2), the same on all processors that isolate runs on. */
export const onlyPlace = 0o10000000;
