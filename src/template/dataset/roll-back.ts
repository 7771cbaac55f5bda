import { findSnapshot } from '../label.ts';
import type { RolledBack, Snapshot } from '../store.ts';
import { haveSameFiles } from './compare.ts';
import { readSnapshots } from './family.ts';
import { planDestroy } from './plan.ts';
import { cloneOf, isAsIn, keep } from './states.ts';
import { announceSwap, refuseSwap } from './swap.ts';
import { type DatasetContext, zfsWhenFree } from './zfs.ts';

/**
 * Goes back to a snapshot: a clone of it takes the place of the template, and what the template was stays beside it, with its snapshots.
 * `zfs rollback` would destroy those that are newer.
 */
export async function rollBackDataset(context: DatasetContext, label: string): Promise<RolledBack> {
  const { dataset, own } = context;
  const snapshots = await readSnapshots(context);
  const target = findSnapshot(dataset, snapshots, label);
  await refuseSwap(context);
  const draft = await cloneOf(context, target);
  let [isSame, kept]: [boolean, Snapshot | null] = [true, null];
  try {
    isSame = await haveSameFiles(context, dataset, draft);
    const newest = snapshots.at(-1);
    const isKept = isSame || (newest !== undefined && newest !== target && (await isAsIn(context, newest)));
    own.signal?.throwIfAborted();
    if (!isKept) kept = await keep(context, snapshots);
  } catch (error) {
    await zfsWhenFree(context, draft, planDestroy(draft, false));
    throw error;
  }
  if (isSame) {
    await zfsWhenFree(context, draft, planDestroy(draft, false));
    return { kept };
  }
  own.checkpoint('rollback:kept');
  await announceSwap(context, draft);
  return { kept };
}
