import { readFileSync, rmSync } from 'node:fs';
import { IsolateError } from '../error.ts';
import type { CreateResult, Source } from '../storage/driver.ts';
import { waitForLock } from './lock.ts';
import type { Pool, PoolFiles } from './pool.ts';
import { writeWhole } from './transition.ts';
import { formatHolder, isAlive, parseHolder } from './holder.ts';

/** How long anything waits for another process to finish mounting. */
const mountLockMs = 60_000;

/** Makes clones of `source`; the caller holds the pool's lock and publishes those that were made. */
export async function makeClones(pool: Pool, source: Source, ids: readonly string[]): Promise<readonly CreateResult[]> {
  writeWhole(pool, pool.paths.making, `${ids.length} ${formatHolder(pool.holder)}\n`);
  try {
    const options = { shift: pool.shift, mountDirectory: pool.paths.mounts };
    return await withMountLock(pool, () => pool.driver.create(source, ids, options));
  } finally {
    rmSync(pool.paths.making, { force: true });
  }
}

/** How many clones are being made right now by a living process. */
export function countMaking(pool: PoolFiles): number {
  try {
    const [count, holderText] = readFileSync(pool.paths.making, 'utf8').trim().split(' ');
    const holder = parseHolder(holderText ?? '');
    return holder !== null && isAlive(holder, pool.holder.bootId) ? Number(count) : 0;
  } catch {
    return 0;
  }
}

/** On storage that cannot mount in parallel, runs `act` while nothing else of ours mounts, whatever its template. */
export async function withMountLock<T>(pool: Pool, act: () => Promise<T>): Promise<T> {
  if (!pool.driver.capabilities.pooled || pool.driver.capabilities.parallelCreates > 1) return act();
  const lock = await waitForLock(pool.runtime.mountLock, pool.holder, mountLockMs);
  try {
    return await act();
  } finally {
    await lock.release();
  }
}

/** Throws `pool-locked` if another process took the lock away; whatever was begun is left to the next refresh. */
export function checkLock(pool: Pool, lost: AbortSignal): void {
  if (!lost.aborted) return;
  throw new IsolateError('pool-locked', `The lock of the pool of ${pool.driver.template} was taken away.`);
}
