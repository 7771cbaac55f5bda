import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { filesystemName } from '../host/filesystem.ts';
import type { TemplateContext } from './context.ts';
import type { FillingTarget } from './fill/place.ts';
import { openStore } from './open-store.ts';
import { systemStore } from './places.ts';
import { makeRandom } from './random.ts';
import { copyTree } from './trees.ts';

/**
 * Calls `action` with a directory that a sandbox can fill for `target`. A file system of FUSE asks only itself who may change owners, and
 * lets no sandbox do it; then it is a directory in the host's store, which is copied with its owners when it is complete.
 */
export async function withFillable<T>(
  target: FillingTarget,
  context: TemplateContext,
  action: (fillable: FillingTarget) => Promise<T>,
): Promise<T> {
  if (filesystemName(statfsSync(target.root).type) !== 'fuse') return await action(target);
  const scratch = await openStore({ kind: 'directory', path: join(systemStore, `filling-${makeRandom()}`) }, context).begin();
  try {
    const result = await action(scratch);
    await copyTree(context, scratch.root, target.root);
    return result;
  } finally {
    await scratch.discard().catch(() => {});
  }
}
