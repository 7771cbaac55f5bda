import type { IsolateError } from '../error.ts';
import type { Pool } from '../pool/pool.ts';
import { readPoolNames } from '../pool/state/pool-state.ts';
import type { Holder } from '../storage/driver.ts';
import type { RefreshTally } from './tally.ts';

export interface RefreshProgress {
  readonly step: 'destroy' | 'create';
  readonly done: number;
  readonly total: number;
}

export interface RefreshReport {
  readonly template: string;
  /** Name of the snapshot from which clones are now made; null: not needed for cleaning up. */
  readonly source: string | null;
  /** Datasets below the template that its clones lack. */
  readonly leftOut: readonly string[];
  /** The template no longer exists, and its pool is forgotten as soon as none of its clones is left. */
  readonly gone: boolean;
  readonly count: number;
  readonly destroyed: number;
  readonly created: number;
  readonly fresh: number;
  readonly leased: number;
  /** Fresh clones of an older snapshot. */
  readonly stale: number;
  /** Ids of kept clones, without leased ones. */
  readonly kept: readonly string[];
  /** Of these, the clones of sessions. */
  readonly sessions: readonly string[];
  /** Retired clones that are still in use, and their holders. */
  readonly busy: readonly { readonly id: string; readonly holders: readonly Holder[]; readonly nextAttemptMs: number }[];
  readonly failed: readonly { readonly id: string; readonly error: IsolateError }[];
  /** Why clones are missing although nothing failed; null: none is missing. */
  readonly notCreated: string | null;
  readonly durationMs: number;
}

/** The combined result of the passes of a refresh. */
export function reportOn(pool: Pool, count: number, tally: RefreshTally, durationMs: number): RefreshReport {
  const { fresh, leased } = readPoolNames(pool);
  return {
    template: pool.driver.template,
    source: tally.source?.name ?? null,
    leftOut: tally.source?.leftOut ?? [],
    gone: tally.isGone,
    count: tally.isGone ? 0 : count,
    destroyed: tally.gone.size,
    created: tally.created,
    fresh: fresh.length,
    leased: leased.length,
    stale: fresh.filter((id) => tally.older.has(id)).length,
    kept: tally.kept,
    sessions: tally.sessions,
    busy: [...tally.busy.values()],
    failed: [...tally.failed.values()],
    notCreated: tally.notCreated,
    durationMs,
  };
}
