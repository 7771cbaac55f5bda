import { timeLabel } from '../label.ts';
import type { Replacement } from '../store.ts';
import { emptyTree } from '../trees.ts';
import { ownDraft } from './draft.ts';
import { readSnapshots } from './family.ts';
import { mountPrivately, unmount } from './mount.ts';
import { planDestroy, planSnapshot } from './plan.ts';
import { cloneOf, isAsIn, keep } from './states.ts';
import { announceSwap, refuseSwap } from './swap.ts';
import { type DatasetContext, zfs, zfsWhenFree } from './zfs.ts';

/** A clone of the template's newest snapshot, emptied. So the template keeps its snapshots when the clone takes its place. */
export async function beginReplacement(context: DatasetContext): Promise<Replacement> {
  const { dataset, own } = context;
  await refuseSwap(context);
  const newest = (await readSnapshots(context)).at(-1);
  const first = newest === undefined ? await keep(context, []) : null;
  const [base = newest] = first === null ? [] : await readSnapshots(context);
  if (base === undefined) throw new Error('A snapshot was taken and is not there.');
  const draft = await cloneOf(context, base);
  let [root, isAnnounced]: [string | null, boolean] = [null, false];
  const close = async (): Promise<void> => {
    if (root !== null) await unmount(root);
    root = null;
  };
  const discard = async (): Promise<void> => {
    // It may have the template's snapshots by now, and is finished by the next change.
    if (isAnnounced) return;
    await close();
    await zfsWhenFree(context, draft, planDestroy(draft, true));
    if (first !== null) await zfs(context, dataset, planDestroy(`${dataset}@${first.label}`, false));
  };
  try {
    root = await mountPrivately(context, draft);
    await emptyTree(own, root);
    own.checkpoint('replace:emptied');
    return {
      ...ownDraft(context, root),
      commit: async () => {
        await close();
        const snapshots = await readSnapshots(context);
        const last = snapshots.at(-1);
        const isKept = first === null && last !== undefined && (await isAsIn(context, last));
        const kept = isKept ? null : (first ?? (await keep(context, snapshots)));
        own.checkpoint('replace:kept');
        const label = timeLabel(own.clock(), kept === null ? snapshots : [...snapshots, kept]);
        await zfs(context, draft, planSnapshot(draft, label));
        isAnnounced = true;
        await announceSwap(context, draft);
        return { kept };
      },
      discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}
