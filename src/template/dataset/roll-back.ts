import { formatHolder } from '../../pool/holder.ts';
import { findSnapshot, timeLabel } from '../label.ts';
import { makeRandom } from '../random.ts';
import type { RolledBack } from '../store.ts';
import { haveSameFiles } from './compare.ts';
import { type PlacedSnapshot, readSnapshots } from './family.ts';
import { besideName } from './names.ts';
import { planDestroy, planDraftOf, planForget, planLocal, planSet, planSnapshot, stepProperty } from './plan.ts';
import { refuseUsedClones } from './pool.ts';
import { swapIn } from './swap.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/**
 * Goes back to a snapshot: a clone of it takes the place of the template, and what the template was stays beside it, with its snapshots.
 * `zfs rollback` would destroy those that are newer.
 */
export async function rollBackDataset(context: DatasetContext, label: string): Promise<RolledBack> {
  const { dataset, own } = context;
  const snapshots = await readSnapshots(context);
  const target = snapshots.find((snapshot) => snapshot === findSnapshot(dataset, snapshots, label));
  if (target === undefined) return { kept: null };
  // It does not rename a dataset that has mounted clones.
  if (context.implementation.name === 'zfs-fuse') await refuseUsedClones(context);
  const draft = await cloneOf(context, target);
  if (await haveSameFiles(context, dataset, draft)) {
    await zfsWhenFree(context, draft, planDestroy(draft, false));
    return { kept: null };
  }
  const newest = snapshots.at(-1);
  const isKept = newest !== undefined && newest !== target && (await isAsIn(context, newest));
  const kept = isKept ? null : await keep(context, snapshots);
  own.checkpoint('rollback:kept');
  // A removal that did not happen.
  await zfs(context, dataset, planForget(dataset, stepProperty));
  await zfs(context, draft, planSet(draft, stepProperty, 'swap'));
  own.checkpoint('rollback:announced');
  await swapIn(context, draft);
  return { kept };
}

async function keep(context: DatasetContext, snapshots: readonly PlacedSnapshot[]): Promise<RolledBack['kept']> {
  const { dataset, own } = context;
  const createdMs = own.clock();
  const label = timeLabel(
    createdMs,
    snapshots.map((snapshot) => snapshot.label),
  );
  await zfs(context, dataset, planSnapshot(dataset, label));
  return { label, createdMs };
}

/** A draft with the contents of a snapshot and the properties of the template. */
async function cloneOf(context: DatasetContext, { dataset: from, label }: PlacedSnapshot): Promise<string> {
  const { dataset, own, implementation } = context;
  const draft = besideName(dataset, 'new', makeRandom());
  const properties = localProperties(await zfs(context, dataset, planLocal(dataset)));
  await zfs(context, draft, planDraftOf(implementation, `${from}@${label}`, draft, formatHolder(own.holder), properties));
  return draft;
}

/** Properties that a clone cannot be given, or that isolate gives it. */
const notCopied =
  /^(?:mountpoint|canmount|isolate:.*|utf8only|normalization|casesensitivity|encryption|key.*|pbkdf2.*|version|readonly|exec|setuid|share.*)$/;

/** `NAME=VALUE` from the answer to `planLocal`. Values of more than one line are left out. */
export function localProperties(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', value, stray] = line.split('\t');
    return value === undefined || stray !== undefined || notCopied.test(name) ? [] : [`${name}=${value}`];
  });
}

/** Whether the template is as in a snapshot, which is looked at through a clone: every kind of ZFS can mount that. */
async function isAsIn(context: DatasetContext, snapshot: PlacedSnapshot): Promise<boolean> {
  const clone = await cloneOf(context, snapshot);
  try {
    return await haveSameFiles(context, context.dataset, clone);
  } finally {
    await zfsWhenFree(context, clone, planDestroy(clone, false));
  }
}
