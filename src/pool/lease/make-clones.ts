import { readFileSync, rmSync, statSync } from 'node:fs';
import { IsolateError } from '../../error.ts';
import type { CreateResult, Source } from '../../storage/driver.ts';
import { waitForLock } from '../claims/lock.ts';
import type { Pool, PoolFiles } from '../pool.ts';
import { writeWhole } from '../state/transition.ts';
import { formatHolder, isAlive, parseHolder } from '../holder.ts';

/** How long anything waits for another process to finish mounting. */
const mountLockMs = 60_000;

/** If no clone becomes ready for this long, their maker counts as stuck; the largest trees take some minutes. */
const stuckMs = 600_000;

/**
 * Makes clones of `source`. The caller holds the pool's lock, and publishes each clone in `onReady`, which is called once per id.
 * `paths.making` says how many are still to come, until `stopMaking`.
 */
export async function makeClones(
  pool: Pool,
  source: Source,
  ids: readonly string[],
  onReady: (result: CreateResult) => Promise<void>,
): Promise<void> {
  const left = new Set(ids);
  const tell = async (result: CreateResult): Promise<void> => {
    if (!left.delete(result.id)) return;
    await onReady(result);
    // The last one stays counted until the next batch begins or the caller has finished.
    if (left.size > 0) writeMaking(pool, left.size);
  };
  writeMaking(pool, ids.length);
  const whileMounting = <T>(act: () => Promise<T>): Promise<T> => withMountLock(pool, act);
  const options = { owners: pool.owners, mountDirectory: pool.paths.mounts, onReady: tell, whileMounting };
  for (const result of await pool.driver.create(source, ids, options)) await tell(result);
}

function writeMaking(pool: Pool, count: number): void {
  writeWhole(pool, pool.paths.making, `${count} ${formatHolder(pool.holder)}\n`);
}

/** The holder of the pool's lock makes no more clones. */
export function stopMaking(pool: Pool): void {
  rmSync(pool.paths.making, { force: true });
}

/** How many clones a living process is making now: those of its current batch that are not ready yet. */
export function countMaking(pool: PoolFiles): number {
  try {
    const [count, holderText] = readFileSync(pool.paths.making, 'utf8').trim().split(' ');
    const holder = parseHolder(holderText ?? '');
    if (holder === null || !isAlive(holder, pool.holder.bootId)) return 0;
    return Date.now() - statSync(pool.paths.making).mtimeMs < stuckMs ? Number(count) : 0;
  } catch {
    return 0;
  }
}

/** On storage that cannot mount in parallel, runs `act` while nothing else of ours mounts, for any template. */
export async function withMountLock<T>(pool: Pool, act: () => Promise<T>): Promise<T> {
  if (!pool.driver.capabilities.pooled || pool.driver.capabilities.parallelCreates > 1) return act();
  const lock = await waitForLock(pool.runtime.mountLock, pool.holder, { waitMs: mountLockMs });
  try {
    return await act();
  } finally {
    await lock.release();
  }
}

/** Throws `pool-locked` if another process took over the lock; unfinished work is left to the next refresh. */
export function checkLock(pool: Pool, lost: AbortSignal): void {
  if (!lost.aborted) return;
  throw new IsolateError('pool-locked', `The lock of the pool of ${pool.driver.template} was lost.`);
}
