import { formatHolder } from '../../pool/holder.ts';
import { unfinishedLabel } from '../../storage/zfs/template.ts';
import { makeRandom } from '../../process/random.ts';
import type { Attempt } from '../store.ts';
import { readDataset, readSiblings } from './family.ts';
import { openDataset } from './mount.ts';
import { besideName, roomStep, splitSnapshot } from './names.ts';
import { planDestroy, planRollback, planRoom, planSnapshot } from './plan.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/** Changes the dataset itself. A hidden snapshot keeps the state before until the change is complete; clones never show it. */
export async function attemptOnDataset(context: DatasetContext): Promise<Attempt> {
  const { dataset, own } = context;
  const label = `${unfinishedLabel}${makeRandom()}`;
  await keepRoom(context);
  try {
    await zfs(context, dataset, planSnapshot(dataset, label));
  } catch (error) {
    // A zfs that was killed may have taken it. Later, a snapshot that is there undoes what was changed since.
    await zfs(context, dataset, planDestroy(`${dataset}@${label}`, false)).catch(() => undefined);
    await giveRoom(context);
    throw error;
  }
  own.checkpoint('attempt:begun');
  const tree = await openDataset(context, dataset).catch(async (error: unknown) => {
    await zfs(context, dataset, planDestroy(`${dataset}@${label}`, false));
    await giveRoom(context);
    throw error;
  });
  return {
    tree,
    succeed: async () => {
      own.checkpoint('attempt:done');
      await zfs(context, dataset, planDestroy(`${dataset}@${label}`, false));
      await giveRoom(context);
    },
    fail: async () => {
      await undo(context, label);
    },
  };
}

/** Undoes the changes of a dead process to this template. */
export async function undoUnfinished(context: DatasetContext): Promise<void> {
  for (const label of await unfinishedLabels(context)) await undo(context, label);
}

/** Whether a process changes the template, or died while it did. */
export async function isUnfinished(context: DatasetContext): Promise<boolean> {
  return (await unfinishedLabels(context)).length > 0;
}

async function unfinishedLabels(context: DatasetContext): Promise<readonly string[]> {
  const names = [...((await readDataset(context, context.dataset)) ?? new Map<string, unknown>()).keys()];
  return names.flatMap((name) => {
    const { label } = splitSnapshot(name);
    return name.includes('@') && label.startsWith(unfinishedLabel) ? [label] : [];
  });
}

async function undo(context: DatasetContext, label: string): Promise<void> {
  const { dataset } = context;
  await giveRoom(context);
  await zfsWhenFree(context, dataset, planRollback(dataset, label));
  await zfsWhenFree(context, dataset, planDestroy(`${dataset}@${label}`, false));
}

/**
 * Keeps space for going back: a full pool of zfs-fuse rolls nothing back, and destroys all the same. OpenZFS keeps some itself. What a
 * killed process kept is given back with its draft.
 */
async function keepRoom(context: DatasetContext): Promise<void> {
  const { dataset, implementation, own } = context;
  if (implementation.name !== 'zfs-fuse') return;
  await zfs(context, dataset, planRoom(implementation, besideName(dataset, 'new', makeRandom()), formatHolder(own.holder)));
}

async function giveRoom(context: DatasetContext): Promise<void> {
  for (const { name, of, step } of await readSiblings(context)) {
    if (of === context.dataset && step === roomStep) await zfsWhenFree(context, name, planDestroy(name, false));
  }
}
