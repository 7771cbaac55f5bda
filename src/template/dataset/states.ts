import { formatHolder } from '../../pool/holder.ts';
import { timeLabel } from '../label.ts';
import { makeRandom } from '../../process/random.ts';
import type { Snapshot } from '../store.ts';
import { haveSameFiles } from './compare.ts';
import type { PlacedSnapshot } from './family.ts';
import { besideName } from './names.ts';
import { planDestroy, planDraftOf, planLocal, planSnapshot } from './plan.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/** Keeps the present state of the template as a snapshot. */
export async function keep(context: DatasetContext, snapshots: readonly PlacedSnapshot[]): Promise<Snapshot> {
  const { dataset, own } = context;
  const createdMs = own.clock();
  const label = timeLabel(createdMs, snapshots);
  await zfs(context, dataset, planSnapshot(dataset, label));
  return { label, createdMs };
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

/** Gives `action` a clone of a snapshot, which every kind of ZFS can mount. */
export async function withClone<T>(context: DatasetContext, snapshot: PlacedSnapshot, action: (clone: string) => Promise<T>): Promise<T> {
  const clone = await cloneOf(context, snapshot);
  try {
    return await action(clone);
  } finally {
    await zfsWhenFree(context, clone, planDestroy(clone, false));
  }
}

/** Whether the template is as in a snapshot. */
export async function isAsIn(context: DatasetContext, snapshot: PlacedSnapshot): Promise<boolean> {
  return await withClone(context, snapshot, (clone) => haveSameFiles(context, context.dataset, clone));
}
