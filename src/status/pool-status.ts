import { existsSync, readFileSync } from 'node:fs';

import { type AskedStorage, createStorageAsker } from './ask-storage.ts';
import type { Failure } from '../pool/failure.ts';
import { type LastRefresh, readLastRefresh } from '../pool/state/last-refresh.ts';
import { isLocked } from '../pool/claims/lock.ts';
import { countMaking } from '../pool/lease/make-clones.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { type LeasedClone, type CloneFiles, readCloneFiles } from './clone-files.ts';
import type { RunEntry } from '../pool/claims/runs.ts';
import { readMemory } from '../pool/state/memory.ts';
import type { CloneState } from '../pool/state/state-file.ts';

/** What `isolate status` shows about one pool; docs/daemon.md describes the fields. */
export interface PoolStatus {
  readonly template: string;
  /** How many fresh clones a refresh makes; null: not set yet. */
  readonly count: number | null;
  readonly fresh: number;
  readonly leased: number;
  readonly retired: number;
  readonly making: number;
  readonly refreshing: boolean;
  /** Ids of kept clones, as the last refresh found them; absent: from a daemon that does not report them. */
  readonly kept?: readonly string[];
  /** The template's newest snapshot; null: unknown. */
  readonly source: string | null;
  /** Fresh clones of an older one. */
  readonly stale: number;
  /** When the oldest fresh clone was made, in milliseconds since 1970. */
  readonly oldestFreshMs: number | null;
  readonly inUse: readonly CloneInUse[];
  readonly lastRefresh: LastRefresh | null;
  /** Why the storage could not be asked. */
  readonly error: Failure | null;
}

/** A leased clone, or a retired one that a process still has mounted. */
export interface CloneInUse {
  readonly clone: string;
  readonly state: Exclude<CloneState, 'fresh'>;
  /** Null: no run claims it. */
  readonly uid: number | null;
  /** Login name; null: unknown. */
  readonly user: string | null;
  readonly sinceMs: number | null;
  readonly holders: readonly CloneHolder[];
}

export interface CloneHolder {
  readonly pid: number;
  /** Name of the command; null: the caller may not know it. */
  readonly command: string | null;
}

export interface PoolStatusOptions {
  readonly pool: PoolFiles;
  /** The storage, or why it cannot be asked; null: do not ask it. */
  readonly driver: AskedStorage | Failure | null;
  /** How many fresh clones the settings want; absent or null: the number of the last refresh. */
  readonly count?: number | null;
  readonly nowMs?: () => number;
}

/** Reads the status; `runs` are all runs in the state directory. Changes nothing and takes no lock. */
export type PoolStatusReader = (runs: readonly RunEntry[]) => Promise<PoolStatus>;

/** A reader for repeated use: it reads once what does not change, and asks the storage at most once a second and after each refresh. */
export function createPoolStatusReader({ pool, driver, count, nowMs }: PoolStatusOptions): PoolStatusReader {
  const askStorage = createStorageAsker(driver, nowMs ?? (() => performance.now()));
  let known: CloneFiles['fresh'] = new Map();
  return async (runs) => {
    const state = readCloneFiles(pool, known);
    known = state.fresh;
    const lastRefresh = readLastRefresh(pool);
    const { source, holders, error } = await askStorage(state.tried, lastRefresh?.endedMs ?? 0);
    const fresh = [...state.fresh.values()];
    const made = fresh.flatMap(({ createdMs }) => (createdMs === null ? [] : [createdMs]));
    const own = runs.filter(({ template }) => template === pool.template);
    return {
      template: pool.template,
      count: count ?? readMemory(pool).count,
      fresh: fresh.length,
      leased: state.leased.length,
      retired: state.retired.length,
      making: countMaking(pool),
      refreshing: existsSync(pool.paths.directory) && isLocked(pool.paths.lock, pool.holder.bootId),
      kept: lastRefresh?.kept ?? [],
      source,
      stale: source === null ? 0 : fresh.filter((clone) => clone.source !== null && clone.source !== source).length,
      oldestFreshMs: made.length === 0 ? null : Math.min(...made),
      inUse: [
        ...state.leased.map((lease) => describeLeased(lease, own)),
        ...state.tried.flatMap((id) => {
          const by = holders.get(id) ?? [];
          return by.length === 0 ? [] : [{ clone: id, state: 'retired' as const, uid: null, user: null, sinceMs: null, holders: by }];
        }),
      ],
      lastRefresh,
      error,
    };
  };
}

function describeLeased({ id, pid, alive }: LeasedClone, runs: readonly RunEntry[]): CloneInUse {
  const run = runs.find(({ clone }) => clone === id);
  return {
    clone: id,
    state: 'leased',
    uid: run?.uid ?? null,
    user: run?.user ?? null,
    sinceMs: run?.sinceMs ?? null,
    holders: alive ? [{ pid, command: run?.command[0] ?? readProcessName(pid) }] : [],
  };
}

function readProcessName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return null;
  }
}
