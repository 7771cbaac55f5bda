import { mkdtemp, readFile, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { IsolateError } from '../../error.ts';
import { parseMountinfo } from '../../host/mountinfo.ts';
import type { BasePlaces, ChangedTrees, CloneInfo, MakeBase } from '../driver.ts';
import type { ZfsContext } from './commands.ts';

/**
 * OpenZFS mounts a snapshot where the clones are, which root may enter: by its name, never through `.zfs`, which mounts it for
 * everybody. zfs-fuse cannot, so there the base is a clone.
 */
export async function openChanges(
  context: ZfsContext,
  clone: CloneInfo,
  path: string,
  { makeBase, mountDirectory }: BasePlaces,
): Promise<ChangedTrees> {
  const snapshot = clone.origin ?? clone.source;
  const isFuse = context.implementation.name === 'zfs-fuse';
  const base = isFuse ? await makeBase(snapshot) : await mountSnapshot(context, snapshot, mountDirectory);
  return {
    base: base.path,
    other: path,
    form: { kind: 'trees', sameInodesSinceMs: clone.createdMs ?? 0 },
    close: base.end,
  };
}

async function mountSnapshot(context: ZfsContext, snapshot: string, directory: string): ReturnType<MakeBase> {
  const path = await mkdtemp(join(directory, `.base-${process.pid}-`));
  const mounted = await context.mountSnapshot(snapshot, path);
  if (mounted.exitCode !== 0) {
    await rmdir(path);
    throw new IsolateError('storage-failed', `The snapshot ${snapshot} cannot be mounted: ${mounted.stderr.trim()}.`);
  }
  return {
    path,
    end: async () => {
      await context.umount([path]);
      await rmdir(path);
    },
  };
}

/** Unmounts the snapshots of the template that processes had mounted which are dead. What is still in use stays. */
export async function unmountLeftBases(context: ZfsContext): Promise<void> {
  for (const { mountpoint, type, source } of parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))) {
    const [, pid] = /^\.base-(\d+)-/.exec(basename(mountpoint)) ?? [];
    if (type !== 'zfs' || pid === undefined || !isOf(context.template, source) || isAlive(Number(pid))) continue;
    if ((await context.umount([mountpoint])).exitCode === 0) await rmdir(mountpoint).catch(() => undefined);
  }
}

function isOf(template: string, source: string): boolean {
  return source.startsWith(`${template}@`) || source.startsWith(`${template}.isolate-`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
