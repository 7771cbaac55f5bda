import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import { findSnapshot } from '../label.ts';
import type { RolledBack, Snapshot } from '../store.ts';
import { copyTree } from '../copy-tree.ts';
import { inWrapper } from './draft.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { isAsIn, swapIn } from './swap.ts';

/** Goes back to a snapshot: a copy of it takes the place of the template. */
export async function rollBack(
  context: TemplateContext,
  layout: DirectoryLayout,
  snapshots: readonly Snapshot[],
  label: string,
): Promise<RolledBack> {
  const target = findSnapshot(layout.path, snapshots, label);
  if (await isAsIn(context, layout, target)) return { kept: null };
  const newest = snapshots.at(-1);
  const isKept = newest !== undefined && newest !== target && (await isAsIn(context, layout, newest));
  return await inWrapper(context, layout, async (wrapper) => {
    const from = join(layout.snapshot(label), treeName);
    await copyTree(context, { from, to: join(wrapper, treeName), name: `${layout.path}@${label}`, storage: layout.parent });
    return await swapIn(context, layout, wrapper, snapshots, isKept);
  });
}
