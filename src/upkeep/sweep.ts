import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { readMounts } from '../host/read-mounts.ts';
import type { CloneInfo } from '../storage/driver.ts';
import { withMountLock } from '../pool/lease/make-clones.ts';
import type { Pool } from '../pool/pool.ts';
import { isCloneId } from '../pool/state/state-file.ts';
import { readPoolNames } from '../pool/state/pool-state.ts';
import { readDirectory } from '../pool/read-directory.ts';

/**
 * Unmounts the mounts of clones that do not exist, and removes their directories; under the pool's lock. What is named otherwise is the
 * driver's.
 */
export async function sweepPool(pool: Pool, clones: readonly CloneInfo[]): Promise<void> {
  const names = readDirectory(pool.paths.mounts);
  // Read after the names: a run announces its clone before it makes a directory for it.
  const { fresh, leased, kept, retired } = readPoolNames(pool);
  const known = new Set([...clones.map(({ id }) => id), ...fresh, ...leased, ...kept, ...retired]);
  const strays = names.filter((name) => isCloneId(name) && !known.has(name)).map((name) => join(pool.paths.mounts, name));
  await dropStrays(pool, known);
  if (strays.length === 0) return;
  const mounted = new Set(readMounts().map(({ mountpoint }) => mountpoint));
  for (const path of strays) await removeStray(pool, path, mounted.has(path));
}

async function dropStrays(pool: Pool, known: ReadonlySet<string>): Promise<void> {
  const strays = pool.shelf.list(pool.paths.mounts).filter((name) => !known.has(name));
  if (strays.length > 0) await withMountLock(pool, () => pool.shelf.drop(strays.map((name) => join(pool.paths.mounts, name))));
}

async function removeStray(pool: Pool, path: string, mounted: boolean): Promise<void> {
  try {
    if (mounted) await withMountLock(pool, async () => (await import('../process/unmount.ts')).tryUnmount(path));
    rmdirSync(path);
  } catch (error) {
    // Never by force: the administrator has to check mounts in use and directories with files.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') pool.warn(`${path} belongs to no clone and cannot be removed.`);
  }
}
