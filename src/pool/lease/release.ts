import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EndOperation } from '../../launch/launch.ts';
import { destroyUnheld } from './destroy-unheld.ts';
import type { Pool, PoolFiles } from '../pool.ts';
import { readPoolState } from '../state/pool-state.ts';
import { reconcile } from '../state/reconcile.ts';
import { settle } from '../state/settle.ts';
import { describeSignal, touchSignal } from '../state/signal-file.ts';
import { formatLeaseName } from '../state/state-file.ts';
import { leasePath, retireLeased } from '../state/transition.ts';

/** Retires a leased clone and tells the process that refreshes the pool. */
export async function releaseClone(pool: PoolFiles, id: string): Promise<void> {
  pool.checkpoint('release:before-rename');
  const retired = retireLeased(pool, id, formatLeaseName(id, pool.holder));
  pool.checkpoint('release:renamed');
  if (!retired) return;
  try {
    touchSignal(pool);
  } catch (error) {
    // The clone is given up anyway; the next refresh finds it.
    pool.warn(`The signal file ${pool.paths.signal} cannot be written: ${(error as Error).message}.`);
  }
}

/** `releaseClone` for a launcher, which does the last one first. */
export function releaseByLauncher(pool: PoolFiles, id: string): readonly EndOperation[] {
  return [
    { kind: 'note', path: pool.paths.signal, content: describeSignal(pool) },
    { kind: 'move', path: leasePath(pool, id), to: join(pool.paths.retired, id) },
  ];
}

/**
 * Destroys the clone at once, for storage without a pool, and what dead runs of the template left. Takes no lock: the holder of a lease
 * destroys its clone, and the lease of a dead run is taken over with one rename(2).
 */
export async function removeClone(pool: Pool, id: string): Promise<void> {
  if (!existsSync(leasePath(pool, id))) return;
  pool.checkpoint('release:before-destroy');
  // Clones first: a run announces its clone before it makes it, so a clone without state has no run.
  const clones = await pool.driver.list();
  const state = await readPoolState(pool);
  const plan = reconcile(clones, state, { newest: null, owners: pool.owners, nowMs: pool.clock() });
  const { destroy } = settle(pool, state, plan, { excess: 0 });
  const known = new Set([...state.leased, ...state.retired].map((entry) => entry.id));
  const ours = destroy.filter((clone) => !known.has(clone.id) || takeOver(pool, clone.id));
  const own = clones.filter((clone) => clone.id === id && !clone.kept);
  const results = await destroyUnheld(pool, [...own, ...ours], id);
  pool.checkpoint('release:destroyed');
  for (const result of results) {
    if (result.outcome === 'gone') continue;
    retireLeased(pool, result.id, formatLeaseName(result.id, pool.holder));
    pool.warn(result.error.message);
  }
  for (const clone of [{ id }, ...ours]) rmSync(leasePath(pool, clone.id), { force: true });
}

function takeOver(pool: Pool, id: string): boolean {
  try {
    renameSync(join(pool.paths.retired, id), leasePath(pool, id));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
