import type { Holder } from '../storage/driver.ts';
import type { HolderId } from './holder.ts';
import { isLocked } from './lock.ts';
import { countMaking } from './make-clones.ts';
import type { Pool } from './pool.ts';
import { readPoolState } from './pool-state.ts';
import { readSettings } from './settings.ts';

/** What `isolate status` says about one pool. */
export interface PoolStatus {
  readonly template: string;
  /** How many fresh clones a refresh makes; null: nobody said yet. */
  readonly count: number | null;
  readonly fresh: readonly { readonly id: string; readonly source: string | null; readonly createdMs: number | null }[];
  readonly leased: readonly { readonly id: string; readonly holder: HolderId; readonly alive: boolean }[];
  readonly retired: readonly {
    readonly id: string;
    readonly attempts: number;
    readonly nextAttemptMs: number;
    /** Who still has it mounted; asked of the storage only for clones that would not go. */
    readonly holders: readonly Holder[];
  }[];
  readonly making: number;
  readonly refreshing: boolean;
}

/** Reads the pool's state; changes nothing and takes no lock. */
export async function poolStatus(pool: Pool): Promise<PoolStatus> {
  const state = readPoolState(pool);
  const tried = state.retired.filter(({ attempts }) => attempts > 0);
  const clones = tried.length === 0 ? [] : await pool.driver.list();
  const holders = new Map<string, readonly Holder[]>();
  for (const { id } of tried) {
    const clone = clones.find((one) => one.id === id);
    if (clone !== undefined) holders.set(id, await pool.driver.holders(clone));
  }
  return {
    template: pool.driver.template,
    count: readSettings(pool).count,
    fresh: state.fresh.map((entry) => ({ id: entry.id, source: entry.state?.source ?? null, createdMs: entry.state?.createdMs ?? null })),
    leased: state.leased.map(({ id, holder, alive }) => ({ id, holder, alive })),
    retired: state.retired.map((entry) => ({ ...entry, holders: holders.get(entry.id) ?? [] })),
    making: countMaking(pool),
    refreshing: isLocked(pool.paths.lock, pool.holder.bootId),
  };
}
