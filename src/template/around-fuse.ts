import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { filesystemName } from '../host/filesystem.ts';
import type { TemplateContext } from './context.ts';
import type { FillingTarget } from './fill/place.ts';
import { copyTree } from './copy-tree.ts';
import { openStore } from './open-store.ts';
import { systemStore } from './places.ts';
import { makeRandom } from '../process/random.ts';
import type { Draft, OpenTree } from './store.ts';

/**
 * Calls `action` with a directory that a sandbox can fill for `target`. No sandbox can change owners on a FUSE file system. There it is
 * a directory in the host's store, which is copied with its owners when it is complete.
 */
export async function withFillable<T>(
  target: FillingTarget,
  context: TemplateContext,
  action: (fillable: FillingTarget) => Promise<T>,
): Promise<T> {
  if (!needsCopy(target.root, context)) return await action(target);
  return await withScratch(context, async (scratch) => {
    const result = await action(scratch);
    await copyTree(context, { from: scratch.root, to: target.root, name: 'The new template', storage: target.storage });
    return result;
  });
}

/** Calls `action` with a tree that a sandbox can read as its root: of a file system of FUSE, which would not let it, a copy. */
export async function withReadable<T>(tree: OpenTree, context: TemplateContext, action: (tree: OpenTree) => Promise<T>): Promise<T> {
  if (!needsCopy(tree.path, context)) return await action(tree);
  return await withScratch(context, async ({ root, storage }) => {
    await copyTree(context, { from: tree.path, to: root, name: 'The template', storage });
    return await action({ ...tree, path: root });
  });
}

/** Another user's sandbox has that user's rights there, and the host's store is root's. */
function needsCopy(path: string, { facts }: TemplateContext): boolean {
  return facts.user.rights === 'root' && filesystemName(statfsSync(path).type) === 'fuse';
}

async function withScratch<T>(context: TemplateContext, action: (scratch: Draft) => Promise<T>): Promise<T> {
  const scratch = await openStore({ kind: 'directory', path: join(systemStore, `filling-${makeRandom()}`) }, context).begin();
  try {
    return await action(scratch);
  } finally {
    await scratch.discard().catch(() => {});
  }
}
