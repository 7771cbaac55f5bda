import { mkdtemp, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { IsolateError } from '../../error.ts';
import type { ChangedTrees, CloneInfo } from '../driver.ts';
import type { ZfsContext } from './commands.ts';

/** Beside the clone, where only the caller may enter. Snapshots are mounted by their names, never through `.zfs`, which mounts them for everybody. */
export async function openChanges(context: ZfsContext, { source }: CloneInfo, path: string): Promise<ChangedTrees> {
  const base = await mkdtemp(join(path, '../.base-'));
  const mounted = await context.mountSnapshot(source, base);
  if (mounted.exitCode !== 0) {
    await rmdir(base);
    throw new IsolateError('storage-failed', `The snapshot ${source} cannot be mounted: ${mounted.stderr.trim()}.`);
  }
  return {
    base,
    other: path,
    form: { kind: 'trees', sameInodes: true },
    close: async () => {
      await context.umount([base]);
      await rmdir(base);
    },
  };
}
