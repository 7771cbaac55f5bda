import type { IsolateError } from '../../error.ts';
import { runWhenFree } from '../../storage/zfs/when-free.ts';
import { findLastingMount, mountLastingly, unmountDataset } from './mount.ts';
import { planOrigin, planRename } from './plan.ts';
import { type DatasetContext, zfsFailed, zfsIfThere } from './zfs.ts';

/**
 * Renames a dataset. The answer is why ZFS refused; null: the dataset has its new name. Throws where that cannot be known: ZFS still does,
 * even some time later, what a command asked for that was killed.
 */
export async function tryRename(context: DatasetContext, from: string, to: string): Promise<IsolateError | null> {
  const { exitCode, stderr } = await runWhenFree(context.commands, from, planRename(from, to));
  if (exitCode === 0) return null;
  if (!(await isThere(context, from)) && (await isThere(context, to))) return null;
  const error = zfsFailed(from, stderr);
  // 128 + N: signal N ended it.
  if (exitCode > 128) throw error;
  return error;
}

/** The same; throws also what ZFS refused. */
export async function rename(context: DatasetContext, from: string, to: string): Promise<void> {
  const refusal = await tryRename(context, from, to);
  if (refusal !== null) throw refusal;
}

async function isThere(context: DatasetContext, dataset: string): Promise<boolean> {
  return (await zfsIfThere(context, dataset, planOrigin(dataset))) !== null;
}

/**
 * Renames a dataset, whether or not it is mounted, and mounts it again. zfs-fuse cannot rename what is mounted: its own unmount ends some
 * time after it answered.
 */
export async function renameMounted(context: DatasetContext, from: string, to: string): Promise<void> {
  const wasMounted = findLastingMount(context, from) !== null;
  try {
    await unmountDataset(context, from);
    await rename(context, from, to);
  } catch (error) {
    if (wasMounted) await mountLastingly(context, from);
    throw error;
  }
  if (wasMounted) await mountLastingly(context, to);
}
