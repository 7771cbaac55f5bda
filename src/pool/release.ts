import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { destroyUnheld } from './destroy-unheld.ts';
import type { Pool } from './pool.ts';
import { readPoolState } from './pool-state.ts';
import { reconcile } from './reconcile.ts';
import { settle } from './settle.ts';
import { touchSignal } from './signal-file.ts';
import { formatLeaseName } from './state-file.ts';
import { retireLeased } from './transition.ts';

/** Retires a leased clone and tells whoever refreshes. */
export async function releaseClone(pool: Pool, id: string): Promise<void> {
  pool.checkpoint('release:before-rename');
  const retired = retireLeased(pool, id, formatLeaseName(id, pool.holder));
  pool.checkpoint('release:renamed');
  if (!retired) return;
  try {
    touchSignal(pool);
  } catch (error) {
    // The clone is given up all the same; the next refresh finds it.
    pool.warn(`The signal file ${pool.paths.signal} cannot be written: ${(error as Error).message}.`);
  }
}

/**
 * Destroys the clone at once, for storage that keeps no pool, and with it what dead runs of the template left. Takes no
 * lock: what several destroy at the same time is gone all the same.
 */
export async function removeClone(pool: Pool, id: string): Promise<void> {
  pool.checkpoint('release:before-rename');
  if (!retireLeased(pool, id, formatLeaseName(id, pool.holder))) return;
  pool.checkpoint('release:renamed');
  // Clones first: a run announces its clone before it makes it, so a clone without state has no run.
  const clones = await pool.driver.list();
  const state = readPoolState(pool);
  const { destroy } = settle(pool, state, reconcile(clones, state, null, pool.clock()), 0);
  for (const result of await destroyUnheld(pool, destroy, id)) {
    if (result.outcome === 'gone') rmSync(join(pool.paths.retired, result.id), { force: true });
    else pool.warn(result.error.message);
  }
}
