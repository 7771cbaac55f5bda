import { readFileSync } from 'node:fs';

import type { Failure } from '../failure.ts';
import type { PoolFiles } from '../pool.ts';
import { writeWhole } from './transition.ts';

/** How the last refresh of a pool went, by any process. */
export interface LastRefresh {
  /** When it ended, in milliseconds since 1970. */
  readonly endedMs: number;
  readonly durationMs: number;
  readonly destroyed: number;
  readonly created: number;
  /** Ids of kept clones. */
  readonly kept: readonly string[];
  /** The first failure; null: none. */
  readonly error: Failure | null;
}

/** Records a refresh until the next one. A failure only goes to `warn`, because the refresh itself is done. */
export function writeLastRefresh(pool: PoolFiles, last: LastRefresh): void {
  try {
    writeWhole(pool, pool.paths.lastRefresh, `${JSON.stringify(last)}\n`);
  } catch {
    pool.warn(`${pool.paths.lastRefresh} cannot be written.`);
  }
}

/** Null: there was none since boot, or this version does not understand it. */
export function readLastRefresh(pool: PoolFiles): LastRefresh | null {
  try {
    const data: unknown = JSON.parse(readFileSync(pool.paths.lastRefresh, 'utf8'));
    return isLastRefresh(data) ? { ...data, kept: data.kept ?? [] } : null;
  } catch {
    return null;
  }
}

/** An earlier version did not record kept clones. */
type Written = Omit<LastRefresh, 'kept'> & { readonly kept?: readonly string[] };

function isLastRefresh(data: unknown): data is Written {
  if (typeof data !== 'object' || data === null) return false;
  const { endedMs, durationMs, destroyed, created, kept, error } = data as Readonly<Record<string, unknown>>;
  if (kept !== undefined && !(Array.isArray(kept) && kept.every((id) => typeof id === 'string'))) return false;
  if (![endedMs, durationMs, destroyed, created].every((value) => typeof value === 'number')) return false;
  return error === null || (typeof error === 'object' && error !== null && 'code' in error && 'message' in error);
}
