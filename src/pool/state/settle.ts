import { rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { CloneInfo } from '../../storage/driver.ts';
import type { Pool } from '../pool.ts';
import type { LeasedEntry, PoolState } from './pool-state.ts';
import type { Reconciliation } from './reconcile.ts';
import { keepLeased, retireFresh, retireKept, retireLeased } from './transition.ts';

export interface SettleOptions {
  /** How many fresh clones to retire in addition to the reconciliation. */
  readonly excess: number;
  readonly onRetired?: ((lease: LeasedEntry) => void) | undefined;
}

/** Carries out a reconciliation on the state files; returns the clones to destroy, which no run can lease any more. */
export function settle(
  pool: Pool,
  state: PoolState,
  plan: Reconciliation,
  { excess, onRetired }: SettleOptions,
): { destroy: readonly CloneInfo[] } {
  for (const path of state.garbage) removeGarbage(pool, path);
  for (const { id } of plan.dropFresh) rmSync(join(pool.paths.fresh, id), { force: true });
  for (const { name } of plan.dropLeased) rmSync(join(pool.paths.leased, name), { force: true });
  for (const { id } of plan.dropKept) rmSync(join(pool.paths.kept, id), { force: true });
  for (const { id } of plan.dropRetired) rmSync(join(pool.paths.retired, id), { force: true });

  const leasedMeanwhile = new Set<string>();
  for (const { id, warning } of plan.retireFresh) {
    if (!retireFresh(pool, id)) leasedMeanwhile.add(id);
    else if (warning !== null) pool.warn(warning);
  }
  for (const lease of plan.retireLeased) if (retireLeased(pool, lease.id, lease.name)) onRetired?.(lease);
  for (const { id, name } of plan.keepLeased) keepLeased(pool, id, name);
  for (const { id } of plan.retireKept) if (!retireKept(pool, id)) leasedMeanwhile.add(id);
  const replaced = plan.fresh.slice(0, Math.max(excess, 0)).filter(({ id }) => retireFresh(pool, id));
  return { destroy: [...plan.destroy.filter(({ id }) => !leasedMeanwhile.has(id)), ...replaced] };
}

function removeGarbage(pool: Pool, path: string): void {
  try {
    unlinkSync(path);
    pool.warn(`${path} is not a state file; it was removed.`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') pool.warn(`${path} is not a state file and cannot be removed.`);
  }
}
