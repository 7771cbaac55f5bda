import { IsolateError } from '../../error.ts';
import { oldOnes, readDataset, readSiblings, refuseChildren } from './family.ts';
import { findLastingMount, mountLastingly, unmountDataset } from './mount.ts';
import { besideName, splitSnapshot, stepProperty } from './names.ts';
import { draftProperty, planDestroy, planEncryptionRoot, planForget, planLocal, planOrigin, planPromote, planSet } from './plan.ts';
import { destroyClones, refuseUsedClones } from './pool.ts';
import { rename, tryRename } from './rename.ts';
import { type DatasetContext, zfs, zfsIfThere, zfsWhenFree } from './zfs.ts';

/** Throws `cannot-enforce` or `template-busy` for a template whose place no clone of a snapshot can take. */
export async function refuseSwap(context: DatasetContext): Promise<void> {
  await refuseEncryptionRoot(context);
  await refuseChildren(context);
  // It does not rename a dataset that has mounted clones.
  if (context.implementation.name === 'zfs-fuse') await refuseUsedClones(context);
}

/**
 * Throws `cannot-enforce` for a dataset with an encryption key of its own: promoting a clone of it can leave it without one
 * (https://github.com/openzfs/zfs/issues/9267).
 */
async function refuseEncryptionRoot(context: DatasetContext): Promise<void> {
  const { dataset, implementation } = context;
  if (implementation.name !== 'OpenZFS') return;
  if ((await zfs(context, dataset, planEncryptionRoot(dataset))).trim() !== dataset) return;
  throw new IsolateError('cannot-enforce', `${dataset} has an encryption key of its own, which ZFS could lose if a clone took its place.`, {
    hint: 'encrypt the dataset above it instead; zfs rollback goes back to the newest snapshot',
  });
}

/** Lets a draft that is a clone of one of the template's snapshots take its place, whatever happens to this process. */
export async function announceSwap(context: DatasetContext, draft: string): Promise<void> {
  const { dataset, own } = context;
  // A removal that did not happen.
  await zfs(context, dataset, planForget(dataset, stepProperty));
  await zfs(context, draft, planSet(draft, mountProperty, JSON.stringify(await seeMount(context))));
  await zfs(context, draft, planSet(draft, stepProperty, 'swap'));
  own.checkpoint('swap:announced');
  await swapIn(context, draft);
}

/** The rest of `announceSwap`. Each step can follow the death of the process at the one before; `finishUnfinished` calls it again. */
export async function swapIn(context: DatasetContext, draft: string): Promise<void> {
  const { dataset, own } = context;
  // Those of the state before are of no use any more.
  await destroyClones(context);
  if ((await readLocal(context, dataset)) === null) {
    await rename(context, draft, dataset);
  } else if ((await readLocal(context, draft)) !== null) {
    await unmountDataset(context, dataset);
    await promote(context, draft);
    own.checkpoint('swap:promoted');
    // Every try gives it the same name, so a rename that ZFS does late finds that taken, and does not move what came in since.
    const old = besideName(dataset, 'old', draft.slice(-16));
    const refusal = await tryRename(context, dataset, old);
    if (refusal !== null) await giveUp(context, draft, refusal);
    own.checkpoint('swap:moved');
    const refusedDraft = await tryRename(context, draft, dataset);
    if (refusedDraft !== null) {
      await rename(context, old, dataset);
      await giveUp(context, draft, refusedDraft);
    }
  }
  // Else ZFS has just done what a killed zfs asked for, and the draft is the template.
  own.checkpoint('swap:swapped');
  await completeSwap(context);
}

/** The steps of `swapIn` once the draft has the template's name. */
export async function completeSwap(context: DatasetContext): Promise<void> {
  const { dataset, own } = context;
  await promote(context, dataset);
  await destroyEmpty(context);
  await leaveUnmounted(context);
  await putBack(context, await readLocal(context, dataset));
  own.checkpoint('swap:mounted');
  // The last says that there is nothing more to do.
  for (const property of [draftProperty, mountProperty, stepProperty]) await zfs(context, dataset, planForget(dataset, property));
}

/**
 * The template is where it was, and gets the snapshots back that the draft took over. The draft keeps its step until then, because one
 * without a step is swept.
 */
async function giveUp(context: DatasetContext, draft: string, error: unknown): Promise<never> {
  const properties = await readLocal(context, draft);
  await promote(context, context.dataset);
  await putBack(context, properties);
  await zfs(context, draft, planForget(draft, stepProperty));
  await zfsWhenFree(context, draft, planDestroy(draft, true));
  throw error;
}

/** User property of a draft that takes the place of its template: where the administrator has that mounted, as JSON. */
const mountProperty = 'isolate:mount';

interface Mount {
  readonly mounted: boolean;
  /** Local properties of the dataset; absent: it inherits them. */
  readonly mountpoint?: string;
  readonly canmount?: string;
}

async function seeMount(context: DatasetContext): Promise<Mount> {
  const { dataset } = context;
  const local = await readLocal(context, dataset);
  const values = ['mountpoint', 'canmount'].flatMap((name) => {
    const value = local?.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { mounted: findLastingMount(context, dataset) !== null, ...Object.fromEntries(values) };
}

/** At the next boot what the template was is not mounted in its place. */
async function leaveUnmounted(context: DatasetContext): Promise<void> {
  for (const { name } of oldOnes(context.dataset, await readSiblings(context))) {
    if ((await readLocal(context, name))?.get('canmount') !== 'off') await zfs(context, name, planSet(name, 'canmount', 'off'));
  }
}

/** Mounts the template where it was, as the properties of its draft say. */
async function putBack(context: DatasetContext, properties: ReadonlyMap<string, string> | null): Promise<void> {
  const { dataset } = context;
  const text = properties?.get(mountProperty);
  if (text === undefined) return;
  const { mounted, mountpoint, canmount = mounted ? 'on' : undefined } = JSON.parse(text) as Mount;
  const local = await readLocal(context, dataset);
  for (const [name, value] of Object.entries({ mountpoint, canmount })) {
    // zfs-fuse unmounts and mounts a dataset even where the new value is the old one, and the mount can find it busy still.
    if (value !== undefined && local?.get(name) !== value) await zfs(context, dataset, planSet(dataset, name, value));
  }
  if (mounted) await mountLastingly(context, dataset);
}

/** The local properties of a dataset; null: there is none. */
async function readLocal(context: DatasetContext, dataset: string): Promise<ReadonlyMap<string, string> | null> {
  const text = await zfsIfThere(context, dataset, planLocal(dataset));
  if (text === null) return null;
  return new Map(
    text.split('\n').flatMap((line) => {
      const [name = '', value] = line.split('\t');
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** Whether the template took the place of what it was, and the last steps of that are left to do. */
export async function isSwapped(context: DatasetContext): Promise<boolean> {
  return (await readLocal(context, context.dataset))?.get(stepProperty) === 'swap';
}

/** Gives a dataset the snapshots that it shares with the template or with what the template was, however many lie between. */
async function promote(context: DatasetContext, name: string): Promise<void> {
  const { dataset } = context;
  for (;;) {
    const origin = await readOrigin(context, name);
    const siblings = await readSiblings(context);
    const isFamily = origin === dataset || siblings.some((one) => one.name === origin);
    if (origin === null || !isFamily) return;
    await zfs(context, name, planPromote(name));
  }
}

async function readOrigin(context: DatasetContext, name: string): Promise<string | null> {
  const text = await zfs(context, name, planOrigin(name));
  return text.trim() === '-' ? null : splitSnapshot(text.trim()).dataset;
}

/** What the template was is of no use without snapshots. */
export async function destroyEmpty(context: DatasetContext): Promise<void> {
  for (const { name } of oldOnes(context.dataset, await readSiblings(context))) {
    const datasets = await readDataset(context, name);
    if (datasets?.size === 1) await zfsWhenFree(context, name, planDestroy(name, false)).catch(() => undefined);
  }
}
