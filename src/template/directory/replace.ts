import { renameSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import { timeLabel } from '../label.ts';
import { compareListings, isSame } from '../listing.ts';
import type { Replacement, Snapshot } from '../store.ts';
import { listTree } from '../trees.ts';
import { makeEmptyTree } from './draft.ts';
import { exchange } from './exchange.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { discardOld } from './old.ts';

/**
 * A new tree for a template. Its name says that it is going to be exchanged for the template, and which snapshot keeps that: whenever this
 * process dies, the next change knows which of the two is there. Runs on the template keep the tree that they began with.
 */
export function beginReplacement(context: TemplateContext, layout: DirectoryLayout, snapshots: readonly Snapshot[]): Replacement {
  const { wrapper, ...draft } = makeEmptyTree(context, layout);
  return {
    ...draft,
    commit: async () => {
      const isKept = await isNewest(context, layout, snapshots);
      const createdMs = context.clock();
      const label = timeLabel(
        createdMs,
        snapshots.map((snapshot) => snapshot.label),
      );
      const swap = layout.swap(label, statSync(draft.root).ino, context.holder);
      // A snapshot is as old as its directory.
      utimesSync(wrapper, createdMs / 1000, createdMs / 1000);
      context.checkpoint('replace:filled');
      renameSync(wrapper, swap);
      context.checkpoint('replace:placed');
      try {
        await exchange(context, layout.path, join(swap, treeName));
      } catch (error) {
        renameSync(swap, wrapper);
        throw error;
      }
      context.checkpoint('replace:exchanged');
      if (isKept) {
        await discardOld(context, layout, swap);
        return { kept: null };
      }
      renameSync(swap, layout.snapshot(label));
      return { kept: { label, createdMs } };
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
