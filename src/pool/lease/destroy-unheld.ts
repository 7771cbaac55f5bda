import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import type { CloneInfo, DestroyResult } from '../../storage/driver.ts';
import type { Pool } from '../pool.ts';

/**
 * Destroys clones that nobody has mounted. If storage would destroy a clone in use, its holders are looked for first, except for `ended`,
 * whose run is known to be over.
 */
export async function destroyUnheld(
  pool: Pool,
  clones: readonly CloneInfo[],
  ended: string | null = null,
): Promise<readonly DestroyResult[]> {
  if (pool.driver.capabilities.busyDetection) {
    // What stays in use on the shelf the storage calls busy.
    await pool.shelf.drop(clones.map(({ id }) => join(pool.paths.mounts, id)));
    return await pool.driver.destroy(clones);
  }
  const busy: DestroyResult[] = [];
  const free: CloneInfo[] = [];
  for (const clone of clones) {
    const holders = clone.id === ended ? [] : await pool.driver.holders(clone);
    if (holders.length === 0) free.push(clone);
    else busy.push({ id: clone.id, outcome: 'busy', error: stillHeld(pool, clone, holders[0]?.pid) });
  }
  return [...busy, ...(await pool.driver.destroy(free))];
}

function stillHeld(pool: Pool, clone: CloneInfo, pid: number | undefined): IsolateError {
  return new IsolateError('dataset-busy', `Clone ${clone.id} of ${pool.driver.template} is still in use by process ${pid}.`);
}
