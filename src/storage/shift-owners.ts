import { chmod, lchown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ownership } from '../engine/engine.ts';
import { forEachLimited } from './limited.ts';

/** Ids of one sandbox range; those above stay as they are, because no sandbox can map them. */
const rangeSize = 65_536;
/** File-system calls in flight at once: libuv has four threads. */
const concurrency = 8;

type Shift = Extract<Ownership, { kind: 'shifted' }>;

/**
 * Moves the owners of every file below and including `root` up by the bases. Never follows a symbolic link, keeps
 * set-user-id and set-group-id bits (chown(2) clears them), and does `root` last, so that a root that has the new owner
 * tells of a finished walk: then nothing is done. File capabilities are lost, as chown(2) says.
 */
export async function shiftOwners(root: string, shift: Shift): Promise<void> {
  const top = await lstat(root);
  if (top.uid === shift.uidBase && top.gid === shift.gidBase && (shift.uidBase !== 0 || shift.gidBase !== 0)) return;
  const seen = new Set<number>();
  const directories = [root];
  const files: string[] = [];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for await (const entry of await opendir(directory, { bufferSize: 256 })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) directories.push(path);
      files.push(path);
    }
    await forEachLimited(files.splice(0), concurrency, (path) => shiftOne(path, shift, seen));
  }
  await shiftOne(root, shift, seen);
}

async function shiftOne(path: string, shift: Shift, seen: Set<number>): Promise<void> {
  const stat = await lstat(path);
  if (stat.nlink > 1 && !stat.isDirectory()) {
    // A file with several names is shifted under the first of them.
    if (seen.has(stat.ino)) return;
    seen.add(stat.ino);
  }
  await lchown(path, shifted(stat.uid, shift.uidBase), shifted(stat.gid, shift.gidBase));
  if (stat.isFile() && (stat.mode & 0o6000) !== 0) {
    await chmod(path, stat.mode & 0o7777);
  }
}

/** A walk that was cut off may be repeated: ids already in the range stay, where the ranges cannot overlap. */
function shifted(id: number, base: number): number {
  const done = base >= rangeSize && id >= base && id < base + rangeSize;
  return done || id >= rangeSize ? id : base + id;
}
