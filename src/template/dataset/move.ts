import { IsolateError } from '../../error.ts';
import { poolOf } from '../../storage/zfs/names.ts';
import { makeRandom } from '../../process/random.ts';
import type { TemplateRef } from '../template-ref.ts';
import { refuseExisting } from './draft.ts';
import { oldOnes, readDataset, readSiblings, refuseChildren } from './family.ts';
import { findLastingMount, mountLastingly, unmountDataset } from './mount.ts';
import { besideName, stepProperty } from './names.ts';
import { planDestroy, planForget, planSet } from './plan.ts';
import { renameMounted, tryRename } from './rename.ts';
import { destroyClones, refuseUsedClones } from './pool.ts';
import { type DatasetContext, isFull, zfs, zfsWhenFree } from './zfs.ts';

/** Gives a template, its snapshots and what it was another name in its pool. Throws `template-exists`, `template-busy`, `usage`. */
export async function renameDataset(context: DatasetContext, to: TemplateRef): Promise<void> {
  const { dataset } = context;
  if (to.kind !== 'dataset' || poolOf(to.dataset) !== poolOf(dataset)) {
    throw new IsolateError('usage', `The dataset ${dataset} can only be renamed within the pool ${poolOf(dataset)}.`);
  }
  await refuseExisting(context, to.dataset);
  await refuseUsedClones(context);
  // zfs-fuse does not rename a dataset that has mounted clones.
  await destroyClones(context);
  const old = oldOnes(dataset, await readSiblings(context));
  // It also fails in a full pool, where zfs would unmount the template, not rename it, and not mount it again.
  await zfs(context, dataset, planForget(dataset, stepProperty));
  await renameMounted(context, dataset, to.dataset);
  context.own.checkpoint('rename:renamed');
  for (const { name } of old) {
    const moved = besideName(to.dataset, 'old', name.slice(-16));
    await renameMounted(context, name, moved);
  }
  await destroyClones(context);
}

/**
 * Removes a template with its snapshots. It first gets a name that is no template's, in one step; the next sweep destroys it if this
 * process does not. Throws `template-busy`.
 */
export async function removeDataset(context: DatasetContext): Promise<void> {
  const { dataset } = context;
  await refuseChildren(context);
  await refuseUsedClones(context);
  await destroyClones(context);
  const old = besideName(dataset, 'old', makeRandom());
  try {
    await zfs(context, dataset, planSet(dataset, stepProperty, 'remove'));
  } catch (error) {
    if (!isFull(error)) throw error;
    // A full pool of zfs-fuse lets nothing be set or renamed, but destroyed.
    await destroyFamily(context, dataset);
    if ((await readDataset(context, dataset)) !== null) throw error;
    return;
  }
  context.own.checkpoint('remove:announced');
  const wasMounted = findLastingMount(context, dataset) !== null;
  const giveUp = (error: unknown): Promise<never> => notRemoved(context, wasMounted, error);
  await unmountDataset(context, dataset).catch(giveUp);
  const refusal = await tryRename(context, dataset, old);
  if (refusal !== null) await giveUp(refusal);
  context.own.checkpoint('remove:renamed');
  await destroyClones(context);
  await destroyFamily(context, old);
}

async function notRemoved(context: DatasetContext, wasMounted: boolean, error: unknown): Promise<never> {
  const { dataset } = context;
  await zfs(context, dataset, planForget(dataset, stepProperty));
  if (wasMounted) await mountLastingly(context, dataset);
  throw error;
}

/** Destroys a dataset and those that hold what it was. What has clones of its own stays for a later sweep. */
export async function destroyFamily(context: DatasetContext, dataset: string): Promise<void> {
  const family = oldOnes(dataset, await readSiblings(context)).map(({ name }) => name);
  // Each may be the origin of another.
  for (let left = [...family, dataset], size = left.length + 1; left.length > 0 && left.length < size;) {
    size = left.length;
    const still: string[] = [];
    for (const name of left) {
      const isDone = await zfsWhenFree(context, name, planDestroy(name, true)).then(
        () => true,
        () => false,
      );
      if (!isDone) still.push(name);
    }
    left = still;
  }
}
