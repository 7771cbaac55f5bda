import { closeSync, constants, openSync, readFileSync } from 'node:fs';

import { placeOf } from '../../rootfs/rootfs.ts';
import { formatDevice } from '../../host/device-number.ts';
import type { CloneState } from './state-file.ts';
import { isInPlace } from './transition.ts';

/** The mounts of this process's namespace, as text: with a thousand of them to find one is quicker than to parse all. */
export function readMountTable(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/**
 * Whether the rootfs is still the mount that was made, as the table of mounts tells it. Asks no storage, which may take
 * its time or never answer: a process that serves others must not wait for it. Nor may it be interrupted while it waits,
 * as by the end of a child: zfs-fuse may then stop for good. That storage has died behind its mounts is not seen here.
 */
export function isStillMounted(state: CloneState, table = readMountTable()): boolean {
  const mount = lastMountAt(placeOf(state.rootfs), table);
  // Directories that are no mounts of their own lie where the state does.
  return mount === null ? isInPlace(state) : isMountOf(state, mount);
}

/** The kernel's id of the mount that the rootfs is (proc_pid_mountinfo(5)); null: it is not there, or no mount of its own. */
export function findMountId(state: CloneState, table: string): string | null {
  const mount = lastMountAt(placeOf(state.rootfs), table);
  return mount !== null && isMountOf(state, mount) ? mount.id : null;
}

/**
 * Whether the mount at `path` is this one. Takes as long with a thousand mounts as with one, and asks no storage either:
 * a descriptor that is only a place (O_PATH, open(2)) knows its mount (proc_pid_fdinfo(5)).
 */
export function hasMountId(path: string, id: string): boolean {
  let place: number;
  try {
    place = openSync(path, onlyPlace | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return false;
  }
  try {
    return /^mnt_id:\t([0-9]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${place}`, 'latin1'))?.[1] === id;
  } finally {
    closeSync(place);
  }
}

/** O_PATH of open(2), the same on all processors that isolate runs on. */
const onlyPlace = 0o10000000;

interface Mount {
  readonly id: string;
  readonly device: string;
  readonly root: string;
}

/** The last mount at a place covers those before. */
function lastMountAt(path: string, table: string): Mount | null {
  const place = ` ${escapePath(path)} `;
  for (let at = table.lastIndexOf(place); at >= 0; at = at === 0 ? -1 : table.lastIndexOf(place, at - 1)) {
    const [id = '', , device = '', root = '', mountpoint] = table.slice(table.lastIndexOf('\n', at) + 1, at + place.length).split(' ');
    if (` ${mountpoint} ` === place) return { id, device, root };
  }
  return null;
}

function isMountOf(state: CloneState, { device, root }: Mount): boolean {
  return root === '/' && device === formatDevice(state.device);
}

/** As mountinfo has it (proc_pid_mountinfo(5)). */
function escapePath(path: string): string {
  return path.replace(/[\\ \t\n]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
