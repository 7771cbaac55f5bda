import { renameSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import { timeLabel } from '../label.ts';
import type { RolledBack, Snapshot } from '../store.ts';
import { haveSameListing } from '../trees.ts';
import { exchange } from './exchange.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { discardOld } from './sweep.ts';

/** Whether the template is as in its snapshot. */
export async function isAsIn(context: TemplateContext, layout: DirectoryLayout, { label }: Snapshot): Promise<boolean> {
  return await haveSameListing(context, layout.path, join(layout.snapshot(label), treeName));
}

/**
 * Exchanges the tree in `wrapper` for the template, which becomes another one of its `snapshots`, or is thrown away if one of them keeps it
 * already. The wrapper's name says so: whenever this process dies, the next change knows which of the two trees is there. If the exchange
 * fails, everything is as it was.
 */
export async function swapIn(
  context: TemplateContext,
  layout: DirectoryLayout,
  wrapper: string,
  snapshots: readonly Snapshot[],
  isKept: boolean,
): Promise<RolledBack> {
  const createdMs = context.clock();
  const label = timeLabel(createdMs, snapshots);
  const inode = inodeOf(wrapper);
  const swap = layout.swap(label, inode, context.holder);
  // A snapshot is as old as its directory.
  utimesSync(wrapper, createdMs / 1000, createdMs / 1000);
  context.checkpoint('swap:filled');
  renameSync(wrapper, swap);
  context.checkpoint('swap:placed');
  try {
    await exchange(context, layout.path, join(swap, treeName));
  } catch (error) {
    // A program that was killed may have done it.
    if (inodeOf(swap) === inode) {
      renameSync(swap, wrapper);
      throw error;
    }
  }
  context.checkpoint('swap:exchanged');
  if (isKept) {
    await discardOld(context, layout, swap);
    return { kept: null };
  }
  renameSync(swap, layout.snapshot(label));
  return { kept: { label, createdMs } };
}

/** Of the tree in a wrapper. */
function inodeOf(wrapper: string): number {
  return statSync(join(wrapper, treeName)).ino;
}
