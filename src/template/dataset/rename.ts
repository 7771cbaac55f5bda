import { findMount } from './mount.ts';
import { planMount, planRename, planUnmount } from './plan.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/**
 * Renames a dataset, whether or not it is mounted, and mounts it again. zfs-fuse cannot rename what is mounted: its own unmount ends some
 * time after it answered.
 */
export async function renameOne(context: DatasetContext, from: string, to: string): Promise<void> {
  const wasMounted = findMount(from) !== null;
  if (wasMounted) await zfs(context, from, planUnmount(from));
  try {
    await zfsWhenFree(context, from, planRename(from, to));
  } catch (error) {
    if (wasMounted) await zfs(context, from, planMount(from));
    throw error;
  }
  if (wasMounted) await zfs(context, to, planMount(to));
}
