import { renameSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import type { RolledBack, Snapshot } from '../store.ts';
import { exchange } from './exchange.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { discardOld } from './old.ts';

/**
 * Exchanges the tree in `wrapper` for the template, which becomes the snapshot `before`, or is thrown away if an older one keeps it already.
 * The wrapper's name says so: whenever this process dies, the next change knows which of the two trees is there. If the exchange fails,
 * everything is as it was.
 */
export async function swapIn(
  context: TemplateContext,
  layout: DirectoryLayout,
  wrapper: string,
  before: Snapshot & { readonly isKept: boolean },
): Promise<RolledBack> {
  const { label, createdMs, isKept } = before;
  const swap = layout.swap(label, statSync(join(wrapper, treeName)).ino, context.holder);
  // A snapshot is as old as its directory.
  utimesSync(wrapper, createdMs / 1000, createdMs / 1000);
  context.checkpoint('swap:filled');
  renameSync(wrapper, swap);
  context.checkpoint('swap:placed');
  try {
    await exchange(context, layout.path, join(swap, treeName));
  } catch (error) {
    renameSync(swap, wrapper);
    throw error;
  }
  context.checkpoint('swap:exchanged');
  if (isKept) {
    await discardOld(context, layout, swap);
    return { kept: null };
  }
  renameSync(swap, layout.snapshot(label));
  return { kept: { label, createdMs } };
}
