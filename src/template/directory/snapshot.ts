import { renameSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import type { TemplateContext } from '../context.ts';
import type { Snapshot } from '../store.ts';
import { copyTree } from '../copy-tree.ts';
import { findSnapshot } from '../label.ts';
import { inWrapper } from './draft.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { discardOld } from './sweep.ts';

/** Copies the tree of a template beside it: whole, or not at all. Throws `template-exists`. */
export async function copySnapshot(context: TemplateContext, layout: DirectoryLayout, label: string): Promise<Snapshot> {
  const target = layout.snapshot(label);
  if (statSync(target, { throwIfNoEntry: false }) !== undefined) throw labelExists(layout, label);
  try {
    return await inWrapper(context, layout, async (wrapper) => {
      context.checkpoint('snapshot:begun');
      await copyTree(context, { from: layout.path, to: join(wrapper, treeName), name: layout.path, storage: layout.parent });
      const createdMs = context.clock();
      // The contents have times of their own.
      utimesSync(wrapper, createdMs / 1000, createdMs / 1000);
      context.checkpoint('snapshot:copied');
      renameSync(wrapper, target);
      return { label, createdMs };
    });
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw labelExists(layout, label);
  }
}

/** Removes a snapshot. What runs may still use is left to a later sweep. Throws `snapshot-missing`. */
export async function removeSnapshot(
  context: TemplateContext,
  layout: DirectoryLayout,
  snapshots: readonly Snapshot[],
  label: string,
): Promise<void> {
  findSnapshot(layout.path, snapshots, label);
  await discardOld(context, layout, layout.snapshot(label));
}

function labelExists({ path }: DirectoryLayout, label: string): IsolateError {
  return new IsolateError('template-exists', `The template ${path} already has a snapshot ${label}.`, { hint: 'choose another label' });
}
