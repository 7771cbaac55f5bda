import { chmodSync, chownSync, statSync } from 'node:fs';
import { canIdmap } from '../../host/path-facts.ts';
import { IsolateError } from '../../error.ts';
import { formatHolder } from '../../pool/holder.ts';
import { ownershipOf } from '../../storage/directory.ts';
import { parentOf } from '../../storage/zfs/names.ts';
import { makeRandom } from '../../process/random.ts';
import type { Draft } from '../store.ts';
import { isBeingSwapped } from './family.ts';
import { mountPrivately, unmount } from './mount.ts';
import { besideName } from './names.ts';
import { draftProperty, planCreate, planCreateParent, planDestroy, planForget, planRead, planSnapshot } from './plan.ts';
import { rename } from './rename.ts';
import { type DatasetContext, zfs, zfsIfThere, zfsWhenFree } from './zfs.ts';

/** Makes an empty dataset, mounted where only root can reach it, and what is missing above it. Throws `template-exists`. */
export async function beginDataset(context: DatasetContext): Promise<Draft> {
  const { dataset, own, implementation } = context;
  await refuseExisting(context, dataset);
  await makeParent(context);
  const draft = besideName(dataset, 'new', makeRandom());
  await zfs(context, draft, planCreate(implementation, draft, formatHolder(own.holder)));
  const root = await mountPrivately(context, draft).catch(async (error: unknown) => {
    await zfsWhenFree(context, draft, planDestroy(draft, true));
    throw error;
  });
  let isMounted = true;
  const close = async (): Promise<void> => {
    if (isMounted) await unmount(root);
    isMounted = false;
  };
  return {
    ...ownDraft(context, root),
    commit: async (label) => {
      await close();
      await zfs(context, draft, planSnapshot(draft, label));
      own.checkpoint('create:before-commit');
      await refuseExisting(context, dataset);
      await rename(context, draft, dataset);
      own.checkpoint('create:committed');
      await zfs(context, dataset, planForget(dataset, draftProperty));
    },
    discard: async () => {
      await close();
      await zfsWhenFree(context, draft, planDestroy(draft, true));
    },
  };
}

/** Gives the root of an empty draft to the ids by which it is going to be filled. */
export function ownDraft(
  { dataset, implementation, own }: DatasetContext,
  root: string,
): Pick<Draft, 'root' | 'ownership' | 'idmappable' | 'storage'> {
  chmodSync(root, 0o755);
  chownSync(root, 0, 0);
  const idmappable = implementation.idmappedMounts && canIdmap(root, statSync(root));
  const { sandboxUids, sandboxGids } = own.facts.user;
  // On zfs-fuse no sandbox could change the template, only the host's root.
  if (!idmappable && implementation.name === 'OpenZFS') chownSync(root, sandboxUids.start, sandboxGids.start);
  return { root, ownership: ownershipOf(statSync(root)), idmappable, storage: parentOf(dataset) };
}

/** Makes the dataset that the template will be in, with those above it. */
export async function makeParent(context: DatasetContext): Promise<void> {
  const parent = parentOf(context.dataset);
  if ((await zfsIfThere(context, parent, planRead(parent))) === null) await zfs(context, parent, planCreateParent(parent));
}

/** Throws `template-exists`, also for a template whose new state has not taken its place yet. */
export async function refuseExisting(context: DatasetContext, dataset: string): Promise<void> {
  if ((await zfsIfThere(context, dataset, planRead(dataset))) === null && !(await isBeingSwapped(context, dataset))) return;
  throw new IsolateError('template-exists', `There is already a dataset ${dataset}.`, {
    hint: `choose another name, or remove it first: isolate template remove ${dataset}`,
  });
}
