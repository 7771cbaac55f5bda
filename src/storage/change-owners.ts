import type { Stats } from 'node:fs';
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { forEachLimited } from './limited.ts';

/** File-system calls in flight at once: libuv has four threads. */
const concurrency = 8;

/** The new owner for each owner. */
export interface OwnerChange {
  readonly uid: (id: number) => number;
  readonly gid: (id: number) => number;
}

/**
 * Changes the owners of `root` and every file below it, in a tree that nobody else is changing. Never follows symbolic links, keeps
 * set-user-id and set-group-id bits (chown(2) clears them), and changes `root` last, so that its new owner marks a complete walk. File
 * capabilities are lost, as chown(2) says. Throws the reason of `signal`.
 */
export async function changeOwners(root: string, change: OwnerChange, signal?: AbortSignal): Promise<void> {
  const seen = new Set<number>();
  const top = Buffer.from(root);
  const directories = [top];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    signal?.throwIfAborted();
    const parent = Buffer.concat([directory, Buffer.from('/')]);
    // As bytes, because names need not be UTF-8.
    const paths = (await readdir(directory, 'buffer')).map((name) => Buffer.concat([parent, name]));
    await forEachLimited(paths, concurrency, async (path) => {
      if ((await changeOne(path, change, seen)).isDirectory()) directories.push(path);
    });
  }
  await changeOne(top, change, seen);
}

async function changeOne(path: Buffer, change: OwnerChange, seen: Set<number>): Promise<Stats> {
  const stat = await lstat(path);
  if (stat.nlink > 1 && !stat.isDirectory()) {
    // A file with several names is changed under the first of them.
    if (seen.has(stat.ino)) return stat;
    seen.add(stat.ino);
  }
  const uid = change.uid(stat.uid);
  const gid = change.gid(stat.gid);
  if (uid === stat.uid && gid === stat.gid) return stat;
  await lchown(path, uid, gid);
  if (stat.isFile() && (stat.mode & 0o6000) !== 0) {
    await chmod(path, stat.mode & 0o7777);
  }
  return stat;
}
