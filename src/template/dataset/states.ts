import { IsolateError } from '../../error.ts';
import { formatHolder } from '../../pool/holder.ts';
import { timeLabel } from '../label.ts';
import { makeRandom } from '../random.ts';
import type { Snapshot } from '../store.ts';
import { haveSameFiles } from './compare.ts';
import type { PlacedSnapshot } from './family.ts';
import { besideName } from './names.ts';
import { planDestroy, planDraftOf, planEncryptionRoot, planForget, planLocal, planSet, planSnapshot, stepProperty } from './plan.ts';
import { swapIn } from './swap.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/** Keeps the present state of the template as a snapshot. */
export async function keep(context: DatasetContext, snapshots: readonly PlacedSnapshot[]): Promise<Snapshot> {
  const { dataset, own } = context;
  const createdMs = own.clock();
  const label = timeLabel(createdMs, snapshots);
  await zfs(context, dataset, planSnapshot(dataset, label));
  return { label, createdMs };
}

/**
 * Throws `cannot-enforce` for a dataset with an encryption key of its own: promoting a clone of it can leave it without one
 * (https://github.com/openzfs/zfs/issues/9267).
 */
export async function refuseEncryptionRoot(context: DatasetContext): Promise<void> {
  const { dataset, implementation } = context;
  if (implementation.name !== 'OpenZFS') return;
  if ((await zfs(context, dataset, planEncryptionRoot(dataset))).trim() !== dataset) return;
  throw new IsolateError('cannot-enforce', `${dataset} has an encryption key of its own, which ZFS could lose if a clone took its place.`, {
    hint: 'encrypt the dataset above it instead; zfs rollback goes back to the newest snapshot',
  });
}

/** A draft with the contents of a snapshot and the properties of the template. */
export async function cloneOf(context: DatasetContext, { dataset: from, label }: PlacedSnapshot): Promise<string> {
  const { dataset, own, implementation } = context;
  const draft = besideName(dataset, 'new', makeRandom());
  const properties = localProperties(await zfs(context, dataset, planLocal(dataset)));
  await zfs(context, draft, planDraftOf(implementation, `${from}@${label}`, draft, formatHolder(own.holder), properties));
  return draft;
}

/** Properties that a clone cannot be given, or that isolate gives it. */
const notCopied =
  /^(?:mountpoint|canmount|isolate:.*|utf8only|normalization|casesensitivity|encryption|key.*|pbkdf2.*|version|readonly|exec|setuid|share.*|org\.openzfs\.systemd:ignore)$/;

/** `NAME=VALUE` from the answer to `planLocal`. Values of more than one line are left out. */
export function localProperties(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', value, stray] = line.split('\t');
    return value === undefined || stray !== undefined || notCopied.test(name) ? [] : [`${name}=${value}`];
  });
}

/** Whether the template is as in a snapshot, which is looked at through a clone: every kind of ZFS can mount that. */
export async function isAsIn(context: DatasetContext, snapshot: PlacedSnapshot): Promise<boolean> {
  const clone = await cloneOf(context, snapshot);
  try {
    return await haveSameFiles(context, context.dataset, clone);
  } finally {
    await zfsWhenFree(context, clone, planDestroy(clone, false));
  }
}

/** Lets a draft that is a clone of one of the template's snapshots take its place, whatever happens to this process. */
export async function announceSwap(context: DatasetContext, draft: string): Promise<void> {
  const { dataset, own } = context;
  // A removal that did not happen.
  await zfs(context, dataset, planForget(dataset, stepProperty));
  await zfs(context, draft, planSet(draft, stepProperty, 'swap'));
  own.checkpoint('swap:announced');
  await swapIn(context, draft);
}
