import { rmSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import type { Holder, Source, StorageHealth } from '../storage/driver.ts';
import { maximumCount } from '../spec/parse-number.ts';
import { countClaims, sweepClaims } from '../pool/claims/claims.ts';
import { destroyClones } from './destroy-clones.ts';
import { removeEmptyPool } from '../pool/directories.ts';
import { type Failure, toFailure } from '../pool/failure.ts';
import { writeLastRefresh } from '../pool/state/last-refresh.ts';
import { lockHolders, waitForLock } from '../pool/claims/lock.ts';
import type { Lock } from '../pool/claims/lock.ts';
import { checkLock } from '../pool/lease/make-clones.ts';
import { makePoolDirectories, type Pool } from '../pool/pool.ts';
import { type LeasedEntry, readPoolNames, readPoolState } from '../pool/state/pool-state.ts';
import { reconcile } from '../pool/state/reconcile.ts';
import { settle } from '../pool/state/settle.ts';
import { sweepSlots } from '../pool/claims/id-slots.ts';
import { sweepRuns } from '../pool/claims/runs.ts';
import { readSettings, writeSettings } from '../pool/state/settings.ts';
import { readSignal } from '../pool/state/signal-file.ts';
import { refill } from './refill.ts';
import { sweepPool } from './sweep.ts';
import { sweepGoneDirectories } from './sweep-directories.ts';
import { sweepTemporaries } from '../pool/state/transition.ts';

export interface RefreshOptions {
  /** How many fresh clones there shall be, 0 to 1000; absent: as the last refresh was told, at first 10. */
  readonly count?: number;
  /** Replace fresh clones too. */
  readonly force?: boolean;
  /** Only clean up. */
  readonly skipCreate?: boolean;
  readonly onProgress?: (progress: RefreshProgress) => void;
  /** These became fresh. */
  readonly onFresh?: (ids: readonly string[]) => void;
  /** The holder of this lease was dead, and its clone is retired now. Who ran there can still be read. */
  readonly onRetired?: (lease: LeasedEntry) => void;
  /** Retired clones were destroyed, in one go that took so long. */
  readonly onDestroyed?: (durationMs: number) => void;
  /** Say in the report nothing of who holds the clones that would not go. */
  readonly skipHolders?: boolean;
  /** How many wait for a clone right now, beside the runs that say so in the pool's directory: clones for them are made before anything else. */
  readonly waiting?: () => number;
  /** Told once of a wait that takes longer than a second, what for. No full sentence. */
  readonly onWaiting?: (message: string) => void;
  readonly signal?: AbortSignal;
  /** How long to wait for another refresh of the same pool; default 60 s. */
  readonly lockWaitMs?: number;
}

export interface RefreshProgress {
  readonly step: 'destroy' | 'create';
  readonly done: number;
  readonly total: number;
}

export interface RefreshReport {
  readonly template: string;
  /** Name of the snapshot that clones are made from now; null where cleaning up did not need to know. */
  readonly source: string | null;
  /** Data sets below the template that its clones are without. */
  readonly leftOut: readonly string[];
  /** The template is not there any more, and its pool is forgotten as soon as none of its clones is left. */
  readonly gone: boolean;
  readonly count: number;
  readonly destroyed: number;
  readonly created: number;
  readonly fresh: number;
  readonly leased: number;
  /** Fresh clones of an older snapshot. */
  readonly stale: number;
  /** Ids of the clones that their user keeps; what is leased is not among them. */
  readonly kept: readonly string[];
  /** Retired clones that are still in use, and by whom. */
  readonly busy: readonly { readonly id: string; readonly holders: readonly Holder[]; readonly nextAttemptMs: number }[];
  readonly failed: readonly { readonly id: string; readonly error: IsolateError }[];
  /** Why clones are missing although nothing failed; null: none is. */
  readonly notCreated: string | null;
  readonly durationMs: number;
}

/** What the passes of one refresh add up to. */
export interface RefreshTally {
  source: Source | null;
  /** The template is not there any more. */
  isGone: boolean;
  /** Clones of an older snapshot than that. */
  older: ReadonlySet<string>;
  readonly gone: Set<string>;
  kept: readonly string[];
  created: number;
  notCreated: string | null;
  readonly busy: Map<string, { id: string; holders: readonly Holder[]; nextAttemptMs: number }>;
  readonly failed: Map<string, { id: string; error: IsolateError }>;
}

const defaultCount = 10;
/** Signals keep coming while runs end; each pass serves all so far, so the last of many is left to the next refresh. */
const mostPasses = 20;

/**
 * Brings the pool to its size: puts every clone in exactly one state, destroys what is retired, makes what is missing.
 * Idempotent and safe to be ended at any point; what comes up while it runs is served before it returns. Throws
 * `pool-locked`, `aborted`, and what the storage says where nothing can be done at all; what concerns one clone is in
 * the report.
 */
export async function refresh(pool: Pool, options: RefreshOptions = {}): Promise<RefreshReport> {
  const startMs = performance.now();
  checkCount(options.count);
  // A process that watches opened the pool long ago.
  makePoolDirectories(pool);
  const tally: RefreshTally = {
    source: null,
    isGone: false,
    older: new Set(),
    gone: new Set(),
    kept: [],
    created: 0,
    notCreated: null,
    busy: new Map(),
    failed: new Map(),
  };
  const lock = await lockPool(pool, options);
  let done: RefreshReport;
  try {
    pool.checkpoint('refresh:locked');
    const count = rememberCount(pool, options.count);
    if (options.skipCreate !== true) rmSync(pool.paths.told, { force: true });
    await refreshUntilQuiet(pool, lock, options, count, tally);
    remember(pool, tally, null, performance.now() - startMs);
    done = report(pool, count, tally, performance.now() - startMs);
  } catch (error) {
    remember(pool, tally, error, performance.now() - startMs);
    throw error;
  } finally {
    await lock.release();
  }
  // What others are in stays.
  if (done.gone && done.leased === 0) removeEmptyPool(pool.paths);
  return done;
}

async function lockPool({ paths, holder, template }: Pool, options: RefreshOptions): Promise<Lock> {
  const { lockWaitMs = 60_000, signal, onWaiting } = options;
  const other = (pids: readonly number[]): string =>
    `another refresh of ${template}${pids.length === 0 ? '' : ` (process ${pids.join(', ')})`}`;
  const onSlow = (pids: readonly number[]): void => onWaiting?.(`waiting for ${other(pids)}`);
  try {
    return await waitForLock(paths.lock, holder, { waitMs: lockWaitMs, signal, onSlow });
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'pool-locked') throw error;
    const whose = other(lockHolders(paths.lock, holder.bootId));
    throw new IsolateError('pool-locked', `${whose[0]?.toUpperCase()}${whose.slice(1)} did not end within ${lockWaitMs / 1000} s.`, {
      hint: 'isolate status shows its progress; try again when it has ended',
    });
  }
}

async function refreshUntilQuiet(pool: Pool, lock: Lock, options: RefreshOptions, count: number, tally: RefreshTally): Promise<void> {
  for (let passes = 1; ; passes += 1) {
    const signalBefore = readSignal(pool);
    await refreshOnce(pool, lock, { ...options, force: options.force === true && passes === 1 }, count, tally);
    pool.checkpoint('refresh:pass-done');
    if (readSignal(pool) === signalBefore || passes === mostPasses) return;
  }
}

function remember(pool: Pool, tally: RefreshTally, thrown: unknown, durationMs: number): void {
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

async function refreshOnce(pool: Pool, lock: Lock, options: RefreshOptions, count: number, tally: RefreshTally): Promise<void> {
  checkGoingOn(pool, lock, options);
  sweepTemporaries(pool);
  // What this process was started for has begun.
  sweepClaims(pool, 'tidying');
  const [health, source, clones] = await Promise.all([
    options.skipCreate === true ? probeIfThere(pool) : pool.driver.probe(),
    options.skipCreate === true ? null : findSource(pool),
    pool.driver.list(),
  ]);
  const newest = source === null || source instanceof IsolateError ? null : source;
  // After the list: a run announces a clone before it makes it, so one without state has no run.
  const state = await readPoolState(pool);
  const plan = reconcile(clones, state, { newest: newest?.name ?? null, shift: pool.shift, nowMs: pool.clock() });
  const waiting = (): number => countClaims(pool, 'waiting') + (options.waiting?.() ?? 0);
  const excess = options.skipCreate === true ? 0 : plan.fresh.length - count - waiting();
  tally.isGone = health === null;
  const inUse = new Set(plan.leased.map(({ id }) => id));
  tally.kept = clones.filter(({ id, kept }) => kept && !inUse.has(id)).map(({ id }) => id);
  const settled = settle(pool, state, plan, {
    excess: options.force === true || tally.isGone ? plan.fresh.length : excess,
    onRetired: options.onRetired,
  });
  pool.checkpoint('refresh:settled');
  checkGoingOn(pool, lock, options);

  const goingOn = (): void => checkGoingOn(pool, lock, options);
  const { force = false, skipHolders = false, onProgress, onFresh, onDestroyed } = options;
  const usedIds = clones.map(({ id }) => id);
  const make = async (source: Source, wanted: number): Promise<void> => {
    const plan = { source, count: wanted, usedIds, freeFraction: health?.freeFraction ?? null };
    await refill(pool, plan, tally, { goingOn, waiting, onProgress, onFresh });
  };
  // What is to be destroyed can wait, a run that waits for a clone cannot.
  const serve = async (): Promise<void> => {
    if (newest !== null && waiting() > 0) await make(newest, 0);
  };
  await destroyClones(pool, settled.destroy, tally, { goingOn, serve, force, skipHolders, waiting, onProgress, onDestroyed });
  await sweepPool(
    pool,
    clones.filter(({ id }) => !tally.gone.has(id)),
  );
  await sweepRuns(pool.runtime, pool.cgroupDirectories, pool.holder.bootId, pool.clock());
  sweepSlots(pool.runtime, pool.holder.bootId);
  sweepGoneDirectories(pool.runtime);
  // A template without a snapshot is an error, but only after cleaning up.
  if (source instanceof IsolateError) throw source;
  if (newest === null) return;

  tally.source = newest;
  tally.older = new Set(clones.filter((clone) => clone.source !== newest.name).map(({ id }) => id));
  await make(newest, count);
}

/** Null: the template is not there any more, so that only what it left is to be cleaned up. */
async function probeIfThere({ driver }: Pool): Promise<StorageHealth | null> {
  try {
    return await driver.probe();
  } catch (error) {
    if (error instanceof IsolateError && error.code === 'template-missing') return null;
    throw error;
  }
}

async function findSource(pool: Pool): Promise<Source | IsolateError> {
  try {
    return await pool.driver.newestSource();
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}

function report(pool: Pool, count: number, tally: RefreshTally, durationMs: number): RefreshReport {
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
    busy: [...tally.busy.values()],
    failed: [...tally.failed.values()],
    notCreated: tally.notCreated,
    durationMs,
  };
}

function rememberCount(pool: Pool, count: number | undefined): number {
  // Clones of such storage are made by the runs themselves.
  if (!pool.driver.capabilities.pooled) return 0;
  const settings = readSettings(pool);
  if (count === undefined || count === settings.count) return settings.count ?? defaultCount;
  writeSettings(pool, { ...settings, count });
  return count;
}

function checkCount(count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= maximumCount)) return;
  throw new IsolateError('usage', `A pool has 0 to ${maximumCount} clones, not ${count}.`);
}

function checkGoingOn(pool: Pool, lock: Lock, options: RefreshOptions): void {
  checkLock(pool, lock.lost);
  if (options.signal?.aborted === true) throw new IsolateError('aborted', `The refresh of ${pool.driver.template} was stopped.`);
}
