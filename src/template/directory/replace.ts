import type { TemplateContext } from '../context.ts';
import type { Replacement, Snapshot } from '../store.ts';
import { makeEmptyTree } from './draft.ts';
import type { DirectoryLayout } from './layout.ts';
import { isAsIn, swapIn } from './swap.ts';

/** A new tree for a template. Runs on the template keep the tree that they began with. */
export function beginReplacement(context: TemplateContext, layout: DirectoryLayout, snapshots: readonly Snapshot[]): Replacement {
  const { wrapper, ...draft } = makeEmptyTree(context, layout);
  return {
    ...draft,
    commit: async () => {
      const newest = snapshots.at(-1);
      const isKept = newest !== undefined && (await isAsIn(context, layout, newest));
      return await swapIn(context, layout, wrapper, snapshots, isKept);
    },
  };
}
