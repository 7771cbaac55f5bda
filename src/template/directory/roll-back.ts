import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import { findSnapshot, timeLabel } from '../label.ts';
import { compareListings, isSame } from '../listing.ts';
import type { RolledBack, Snapshot } from '../store.ts';
import { copyTree } from '../copy-tree.ts';
import { discardTree, listTree } from '../trees.ts';
import { makeWrapper } from './draft.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { swapIn } from './swap.ts';

/** Goes back to a snapshot: a copy of it takes the place of the template. */
export async function rollBack(
  context: TemplateContext,
  layout: DirectoryLayout,
  snapshots: readonly Snapshot[],
  label: string,
): Promise<RolledBack> {
  const { path } = layout;
  const target = findSnapshot(path, snapshots, label);
  const present = await listTree(context, path, false);
  const equals = async (snapshot: Snapshot): Promise<boolean> =>
    isSame(compareListings(present, await listTree(context, join(layout.snapshot(snapshot.label), treeName), false)));
  if (await equals(target)) return { kept: null };
  const newest = snapshots.at(-1);
  const isKept = newest !== undefined && newest !== target && (await equals(newest));
  const createdMs = context.clock();
  const before = timeLabel(createdMs, snapshots);
  const wrapper = makeWrapper(context, layout);
  try {
    await copyTree(context, join(layout.snapshot(label), treeName), join(wrapper, treeName));
    return await swapIn(context, layout, wrapper, { label: before, createdMs, isKept });
  } catch (error) {
    await discardTree(context, wrapper);
    throw error;
  }
}
