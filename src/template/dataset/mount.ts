import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../../error.ts';
import type { MountEntry } from '../../host/mountinfo.ts';
import { readMounts } from '../../host/read-mounts.ts';
import { ensureRuntimeDirectories } from '../../pool/directories.ts';
import { formatHolder, isAlive, parseHolder } from '../../pool/holder.ts';
import { waitForLock } from '../../pool/claims/lock.ts';
import { readDirectory } from '../../pool/read-directory.ts';
import { runCommand } from '../../process/command.ts';
import { mountByDaemon } from '../../storage/zfs/fuse-mount.ts';
import { ownershipOf } from '../../storage/directory.ts';
import { freeDeadLocks } from '../lock.ts';
import { makeRandom } from '../../process/random.ts';
import type { OpenTree } from '../store.ts';
import { pausesMs, tryUnmount, unmount as unmountPath } from '../../process/unmount.ts';
import { planMount, planUnmount } from './plan.ts';
import { type DatasetContext, zfs } from './zfs.ts';

const timeoutMs = 30_000;
const mountLockMs = 60_000;

const placeOf = ({ root }: DatasetContext['runtime']): string => join(root, 'templates');

/** Where templates are mounted while isolate needs them; only root can enter. */
export function templatesDirectory({ runtime, own }: Pick<DatasetContext, 'runtime' | 'own'>): string {
  ensureRuntimeDirectories(runtime, own.facts.user.uid);
  const directory = placeOf(runtime);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** The tree of a dataset: where it is mounted, or mounted for this process alone. */
export async function openDataset(context: DatasetContext, dataset: string): Promise<OpenTree> {
  const mounted = findMount(dataset);
  if (mounted !== null) return { path: mounted, ownership: ownershipOf(statSync(mounted)), close: async () => {} };
  const path = await mountPrivately(context, dataset);
  return { path, ownership: ownershipOf(statSync(path)), close: () => unmount(path) };
}

/** Gives `action` the tree of a dataset. */
export async function withDataset<T>(context: DatasetContext, dataset: string, action: (tree: OpenTree) => Promise<T>): Promise<T> {
  const tree = await openDataset(context, dataset);
  try {
    return await action(tree);
  } finally {
    await tree.close();
  }
}

/** Mounts a dataset where only root can reach it. The name of the directory has the holder, for sweeping. */
export async function mountPrivately(context: DatasetContext, dataset: string): Promise<string> {
  const path = join(templatesDirectory(context), `${makeRandom()}.${formatHolder(context.own.holder)}`);
  mkdirSync(path, { mode: 0o700 });
  try {
    await mount(context, dataset, path);
  } catch (cause) {
    // A mount(8) that was killed may have mounted it. The failure of the mount is the one to report.
    await letGo(path).catch(() => undefined);
    throw new IsolateError('template-not-mounted', `Dataset ${dataset} cannot be mounted.`, { cause });
  }
  return path;
}

async function mount({ implementation, runtime, own }: DatasetContext, dataset: string, path: string): Promise<void> {
  if (implementation.name === 'zfs-fuse') {
    const lock = await waitForLock(runtime.mountLock, own.holder, { waitMs: mountLockMs });
    try {
      await mountWhenFree(dataset, path);
    } finally {
      await lock.release();
    }
    return;
  }
  const args = ['--internal-only', '-t', 'zfs', '-o', 'zfsutil,rw,exec,suid', '--', dataset, path];
  const { exitCode, stderr } = await runCommand({ file: '/bin/mount', args, timeoutMs });
  if (exitCode !== 0) throw new IsolateError('storage-failed', stderr.trim());
}

/** Tried again for a moment, because zfs-fuse ends an unmount some time after it answered. */
async function mountWhenFree(dataset: string, path: string): Promise<void> {
  for (const pauseMs of pausesMs) {
    try {
      await mountByDaemon(dataset, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    }
    await sleep(pauseMs);
  }
  await mountByDaemon(dataset, path);
}

/** Unmounts what `mountPrivately` mounted. Throws `dataset-busy`. */
export async function unmount(path: string): Promise<void> {
  const failure = await unmountPath(path);
  if (failure !== null) throw new IsolateError('dataset-busy', `${path} cannot be unmounted: ${failure}`);
  rmdirSync(path);
}

/** The same for what may be in use, which is left to a later sweep, and may not be mounted. */
async function letGo(path: string): Promise<void> {
  if ((await tryUnmount(path)) === null) rmdirSync(path);
}

/** Unmounts what dead processes left mounted, and frees their locks. */
export async function sweepMounts(context: DatasetContext): Promise<void> {
  const directory = templatesDirectory(context);
  freeDeadLocks(directory, context.own);
  for (const name of readDirectory(directory)) {
    const holder = /^[0-9a-f]{16}\./.test(name) ? parseHolder(name.slice(17)) : null;
    if (holder === null || isAlive(holder, context.own.holder.bootId)) continue;
    await letGo(join(directory, name)).catch(() => undefined);
  }
}

/**
 * Where this mount namespace has the whole dataset; null: nowhere. A user's own file system in FUSE can be called like a dataset, and only
 * its owner in the kernel's words tells it from that of zfs-fuse.
 */
export function findMount(dataset: string, mounts: readonly MountEntry[] = readMounts()): string | null {
  const isZfs = ({ type, superOptions }: MountEntry): boolean =>
    type === 'zfs' || (type === 'fuse.zfs' && superOptions.includes('user_id=0'));
  return mounts.findLast((mount) => mount.source === dataset && mount.root === '/' && isZfs(mount))?.mountpoint ?? null;
}

/** Where the administrator has the whole dataset mounted; null: nowhere. What isolate mounts for a moment does not count. */
export function findLastingMount({ runtime }: Pick<DatasetContext, 'runtime'>, dataset: string): string | null {
  const own = `${placeOf(runtime)}/`;
  return findMount(
    dataset,
    readMounts().filter(({ mountpoint }) => !mountpoint.startsWith(own)),
  );
}

/** Has ZFS unmount a dataset, wherever it is mounted. */
export async function unmountDataset(context: DatasetContext, dataset: string): Promise<void> {
  if (findMount(dataset) !== null) await zfs(context, dataset, planUnmount(dataset));
}

/** Mounts a dataset where the administrator has it. ZFS mounts nothing twice, so what isolate mounted for a moment makes way. */
export async function mountLastingly(context: DatasetContext, dataset: string): Promise<void> {
  if (findLastingMount(context, dataset) !== null) return;
  await unmountDataset(context, dataset);
  await zfs(context, dataset, planMount(dataset));
}
