import { readFileSync } from 'node:fs';

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
  const place = ` ${escapePath(state.rootfs.path)} `;
  // The last mount at a place covers those before.
  for (let at = table.lastIndexOf(place); at >= 0; at = at === 0 ? -1 : table.lastIndexOf(place, at - 1)) {
    const [, , device = '', root, mountpoint] = table.slice(table.lastIndexOf('\n', at) + 1, at + place.length).split(' ');
    if (` ${mountpoint} ` === place) return root === '/' && deviceNumber(device) === state.device;
  }
  // Directories that are no mounts of their own lie where the state does.
  return isInPlace(state);
}

/** As mountinfo has it (proc_pid_mountinfo(5)). */
function escapePath(path: string): string {
  return path.replace(/[\\ \t\n]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** `major:minor` as stat(2) has it (makedev(3)), without the bits above 32 that no device has. */
function deviceNumber(text: string): number {
  const [major = Number.NaN, minor = Number.NaN] = text.split(':').map(Number);
  return (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000 + (minor & 0xff);
}
