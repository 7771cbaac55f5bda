import { constants, type Stats, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';

import type { PathFacts } from './facts.ts';
import { idmappableFilesystem, tmpfsMagic, zfsMagic } from './filesystem.ts';
import { parseRelease } from './kernel-release.ts';
import type { MountEntry } from './mountinfo.ts';
import { readMounts } from './read-mounts.ts';
import { readText } from './read-text.ts';
import { formatDevice } from './device-number.ts';

/** What is at a path as this process sees it; null: nothing, or nothing it may look at. */
export function probePath(source: string): PathFacts | null {
  try {
    return describePath({ ...pick(statSync(source)), magic: statfsSync(source).type });
  } catch {
    return null;
  }
}

/** What stat(2) and statfs(2) say about a path; `device` is `st_dev`. */
export interface PathStatus {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: number;
  readonly magic: number;
}

/** The facts made from them. `mounts` are those of this process; a caller that describes many paths reads them once. */
export function describePath(status: PathStatus, mounts: () => readonly MountEntry[] = readMounts): PathFacts {
  const { mode, uid, gid } = status;
  return { kind: nameKind(mode), uid, gid, mode: mode & 0o7777, idmappable: isIdmappable(status, mounts) };
}

function pick({ mode, uid, gid, dev }: Stats): Omit<PathStatus, 'magic'> {
  return { mode, uid, gid, device: dev };
}

function nameKind(mode: number): PathFacts['kind'] {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFDIR:
      return 'directory';
    case constants.S_IFSOCK:
      return 'socket';
    case constants.S_IFBLK:
    case constants.S_IFCHR:
      return 'device';
    default:
      return 'file';
  }
}

/** Whether the file system of an existing path can be mounted idmapped; `stats` are the path's. */
export function canIdmap(path: string, stats: Stats): boolean {
  return isIdmappable({ ...pick(stats), magic: statfsSync(path).type }, readMounts);
}

function isIdmappable({ magic, device }: PathStatus, mounts: () => readonly MountEntry[]): boolean {
  return idmappableFilesystem({
    magic,
    kernel: parseRelease(release()),
    zfs: magic === zfsMagic ? parseRelease(readText('/sys/module/zfs/version') ?? '') : null,
    devtmpfs: magic === tmpfsMagic && findMountType(device, mounts()) === 'devtmpfs',
  });
}

function findMountType(device: number, mounts: readonly MountEntry[]): string | null {
  const name = formatDevice(device);
  return mounts.find((mount) => mount.device === name)?.type ?? null;
}
