import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import { findSnapshot, timeLabel } from '../label.ts';
import { compareListings, isSame } from '../listing.ts';
import type { RolledBack, Snapshot } from '../store.ts';
import { listTree } from '../trees.ts';
import { exchange } from './exchange.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { copyAs } from './snapshot.ts';
import { discardOld } from './old.ts';

/**
 * Goes back to a snapshot. The copy of it that becomes the template is made under the name of the snapshot that keeps the state before, and
 * then the two are exchanged: whenever this process dies, nothing is lost.
 */
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
  const before = timeLabel(
    context.clock(),
    snapshots.map((snapshot) => snapshot.label),
  );
  const kept = await copyAs(context, layout, join(layout.snapshot(label), treeName), before);
  context.checkpoint('rollback:copied');
  await exchange(context, path, join(layout.snapshot(before), treeName));
  context.checkpoint('rollback:exchanged');
  if (!isKept) return { kept };
  await discardOld(context, layout, layout.snapshot(before));
  return { kept: null };
}
