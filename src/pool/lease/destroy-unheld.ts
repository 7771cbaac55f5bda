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
    const error = clone.id === ended ? null : await whyKept(pool, clone);
    if (error === null) free.push(clone);
    else busy.push({ id: clone.id, outcome: 'busy', error });
  }
  return [...busy, ...(await pool.driver.destroy(free))];
}

/** null: nobody has it mounted. */
async function whyKept({ driver }: Pool, clone: CloneInfo): Promise<IsolateError | null> {
  const name = `Clone ${clone.id} of ${driver.template}`;
  try {
    const [holder] = await driver.holders(clone);
    return holder === undefined ? null : new IsolateError('dataset-busy', `${name} is still in use by process ${holder.pid}.`);
  } catch (cause) {
    return new IsolateError('dataset-busy', `${name} may still be in use: processes cannot be looked at.`, { cause });
  }
}
