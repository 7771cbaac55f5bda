import { join } from 'node:path';
import type { TemplateContext } from '../context.ts';
import type { Attempt } from '../store.ts';
import { copyTree } from '../copy-tree.ts';
import { discardTree } from '../trees.ts';
import { inWrapper } from './draft.ts';
import { exchange } from './exchange.ts';
import { type DirectoryLayout, treeName } from './layout.ts';
import { openTree } from './open-tree.ts';
import { discardOld } from './sweep.ts';

/** A copy of a template that takes its place in one step. Runs on the template keep the tree that they began with. */
export async function attemptChange(context: TemplateContext, layout: DirectoryLayout): Promise<Attempt> {
  const wrapper = await inWrapper(context, layout, async (path) => {
    await copyTree(context, { from: layout.path, to: join(path, treeName), name: layout.path, storage: layout.parent });
    return path;
  });
  const tree = join(wrapper, treeName);
  return {
    tree: openTree(tree),
    succeed: async () => {
      context.checkpoint('attempt:done');
      await exchange(context, layout.path, tree);
      context.checkpoint('attempt:exchanged');
      await discardOld(context, layout, wrapper);
    },
    fail: () => discardTree(context, wrapper),
  };
}
