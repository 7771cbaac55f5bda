import { findSnapshot } from '../label.ts';
import type { RolledBack } from '../store.ts';
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
  if (await haveSameFiles(context, dataset, draft)) {
    await zfsWhenFree(context, draft, planDestroy(draft, false));
    return { kept: null };
  }
  const newest = snapshots.at(-1);
  const isKept = newest !== undefined && newest !== target && (await isAsIn(context, newest));
  const kept = isKept ? null : await keep(context, snapshots);
  own.checkpoint('rollback:kept');
  await announceSwap(context, draft);
  return { kept };
}
