import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CloneInfo } from '../storage/driver.ts';
import { isAlive } from './holder.ts';
import type { Pool } from './pool.ts';
import { readDirectory } from './read-directory.ts';
import { touchSignal } from './signal-file.ts';
import { formatLeaseName, isCloneId, parseLeaseName } from './state-file.ts';
import { retireLeased } from './transition.ts';

/** Retires a leased clone and tells whoever refreshes. */
export async function releaseClone(pool: Pool, id: string): Promise<void> {
  pool.checkpoint('release:before-rename');
  const retired = retireLeased(pool, id, formatLeaseName(id, pool.holder));
  pool.checkpoint('release:renamed');
  if (retired) touchSignal(pool);
}

/** Destroys the clone at once, for storage that keeps no pool, and with it what dead runs of the template left. */
export async function removeClone(pool: Pool, clone: CloneInfo): Promise<void> {
  pool.checkpoint('release:before-rename');
  if (!retireLeased(pool, clone.id, formatLeaseName(clone.id, pool.holder))) return;
  pool.checkpoint('release:renamed');
  await destroyRetired(pool, [clone]);
  const dead = retireDead(pool);
  if (dead.size === 0) return;
  await destroyRetired(pool, (await pool.driver.list()).filter(({ id }) => dead.has(id)));
}

/** Moves the leases of dead holders to retired; the ids of all that is retired now. */
function retireDead(pool: Pool): ReadonlySet<string> {
  for (const name of readDirectory(pool.paths.leased)) {
    const lease = parseLeaseName(name);
    if (lease !== null && !isAlive(lease.holder, pool.holder.bootId)) retireLeased(pool, lease.id, name);
  }
  return new Set(readDirectory(pool.paths.retired).filter(isCloneId));
}

async function destroyRetired(pool: Pool, clones: readonly CloneInfo[]): Promise<void> {
  for (const result of await pool.driver.destroy(clones.filter(({ kept }) => !kept))) {
    if (result.outcome === 'gone') rmSync(join(pool.paths.retired, result.id), { force: true });
    else pool.warn(result.error.message);
  }
}
