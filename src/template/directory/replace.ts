import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import { timeLabel } from '../label.ts';
import { compareListings, isSame } from '../listing.ts';
import type { Replacement, Snapshot } from '../store.ts';
import { listTree } from '../trees.ts';
import { makeEmptyTree } from './draft.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { swapIn } from './swap.ts';

/** A new tree for a template. Runs on the template keep the tree that they began with. */
export function beginReplacement(context: TemplateContext, layout: DirectoryLayout, snapshots: readonly Snapshot[]): Replacement {
  const { wrapper, ...draft } = makeEmptyTree(context, layout);
  return {
    ...draft,
    commit: async () => {
      const isKept = await isNewest(context, layout, snapshots);
      const createdMs = context.clock();
      const label = timeLabel(createdMs, snapshots);
      return await swapIn(context, layout, wrapper, { label, createdMs, isKept });
    },
  };
}

/** Whether the newest snapshot has the present state. */
async function isNewest(context: TemplateContext, layout: DirectoryLayout, snapshots: readonly Snapshot[]): Promise<boolean> {
  const newest = snapshots.at(-1);
  if (newest === undefined) return false;
  const present = await listTree(context, layout.path, false);
  return isSame(compareListings(present, await listTree(context, join(layout.snapshot(newest.label), treeName), false)));
}
