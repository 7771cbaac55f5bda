import type { IsolateError } from '../error.ts';
import { type Failure, toFailure } from '../pool/failure.ts';
import type { Pool } from '../pool/pool.ts';
import { writeLastRefresh } from '../pool/state/last-refresh.ts';
import type { Holder, Source } from '../storage/driver.ts';

/** The sum of the passes of one refresh. */
export interface RefreshTally {
  source: Source | null;
  /** The template no longer exists. */
  isGone: boolean;
  /** Clones of older snapshots. */
  older: ReadonlySet<string>;
  readonly gone: Set<string>;
  kept: readonly string[];
  /** Of these, the clones of sessions. */
  sessions: readonly string[];
  created: number;
  notCreated: string | null;
  readonly busy: Map<string, { id: string; holders: readonly Holder[]; nextAttemptMs: number }>;
  readonly failed: Map<string, { id: string; error: IsolateError }>;
}

/** The state before the first pass. */
export function emptyTally(): RefreshTally {
  return {
    source: null,
    isGone: false,
    older: new Set(),
    gone: new Set(),
    kept: [],
    sessions: [],
    created: 0,
    notCreated: null,
    busy: new Map(),
    failed: new Map(),
  };
}

/** Records what `isolate status` shows about the last refresh. */
export function rememberTally(pool: Pool, tally: RefreshTally, thrown: unknown, durationMs: number): void {
  writeLastRefresh(pool, {
    endedMs: pool.clock(),
    durationMs: Math.round(durationMs),
    destroyed: tally.gone.size,
    created: tally.created,
    kept: tally.kept,
    error: firstFailure(tally, thrown),
  });
}

function firstFailure({ failed, notCreated }: RefreshTally, thrown: unknown): Failure | null {
  const [first] = failed.values();
  const error = thrown ?? first?.error;
  if (error !== undefined) return toFailure(error);
  return notCreated === null ? null : { code: 'pool-full', message: notCreated };
}
