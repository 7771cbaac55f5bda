import { unfinishedLabel } from '../../storage/zfs/template.ts';
import { makeRandom } from '../../process/random.ts';
import type { Attempt } from '../store.ts';
import { readDataset } from './family.ts';
import { openDataset } from './mount.ts';
import { splitSnapshot } from './names.ts';
import { planDestroy, planRollback, planSnapshot } from './plan.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/** Changes the dataset itself. A hidden snapshot keeps the state before until the change is complete; clones never show it. */
export async function attemptOnDataset(context: DatasetContext): Promise<Attempt> {
  const { dataset, own } = context;
  const label = `${unfinishedLabel}${makeRandom()}`;
  await zfs(context, dataset, planSnapshot(dataset, label));
  own.checkpoint('attempt:begun');
  const tree = await openDataset(context, dataset).catch(async (error: unknown) => {
    await zfs(context, dataset, planDestroy(`${dataset}@${label}`, false));
    throw error;
  });
  return {
    tree,
    succeed: async () => {
      own.checkpoint('attempt:done');
      await zfs(context, dataset, planDestroy(`${dataset}@${label}`, false));
    },
    fail: async () => {
      await undo(context, label);
    },
  };
}

/** Undoes the changes of a dead process to this template. */
export async function undoUnfinished(context: DatasetContext): Promise<void> {
  for (const name of ((await readDataset(context, context.dataset)) ?? new Map<string, unknown>()).keys()) {
    const { label } = splitSnapshot(name);
    if (name.includes('@') && label.startsWith(unfinishedLabel)) await undo(context, label);
  }
}

async function undo(context: DatasetContext, label: string): Promise<void> {
  const { dataset } = context;
  await zfsWhenFree(context, dataset, planRollback(dataset, label));
  await zfsWhenFree(context, dataset, planDestroy(`${dataset}@${label}`, false));
}
