import { setTimeout as sleep } from 'node:timers/promises';

import { IsolateError } from '../error.ts';
import { logEvent } from '../log.ts';
import { ensurePoolDirectories, ensureRuntimeDirectories } from '../pool/directories.ts';
import { toFailure } from '../pool/failure.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import { findPoolFiles, type Pool, type PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import type { LeasedEntry } from '../pool/state/pool-state.ts';
import type { Shelf } from '../pool/shelf.ts';
import type { SessionIndex } from '../session/index-files.ts';
import { mendIndex, type SeenClones } from '../session/mend.ts';
import type { StorageDriver } from '../storage/driver.ts';
import { maintainPool, type MaintainOptions } from '../upkeep/maintain.ts';
import type { RefreshReport } from '../upkeep/report.ts';
import type { HeldBack } from './held-back.ts';
import type { Leases } from './leases.ts';
import type { Metrics } from './metrics.ts';
import { ownClones } from './own-clone.ts';
import { createQuietBell, type QuietBell } from './quiet-bell.ts';
import type { ServedPool } from './served-pool.ts';

/** What the pools of a daemon have in common. */
export interface PoolSet {
  readonly leases: Pick<Leases, 'add' | 'remove'>;
  readonly heldBack: Pick<HeldBack, 'refreshed'>;
  readonly metrics: Pick<Metrics, 'refreshed' | 'destroyed' | 'failed'>;
  readonly onRetired: (pool: PoolFiles, lease: LeasedEntry) => void;
  readonly runtime: RuntimePaths;
  readonly sessions: SessionIndex;
  /** Where fresh clones are mounted. */
  readonly shelf: Shelf;
  /** Throws what the storage says. */
  readonly open: (template: string, warn: (message: string) => void) => Promise<Pool>;
  readonly signal: AbortSignal;
  /** By template. */
  readonly entries: Map<string, PoolEntry>;
  /** What was last logged about each template, and when. */
  readonly told: Map<string, { readonly message: string; readonly atMs: number }>;
}

/** A pool that the daemon maintains. */
export interface PoolEntry {
  readonly template: string;
  readonly pool: PoolFiles;
  readonly ending: AbortController;
  /** Rung for work that can wait for more work. */
  readonly bell: QuietBell;
  reopening: AbortController;
  /** Null until its storage could be opened. */
  driver: StorageDriver | null;
  /** Why it could not. */
  failure: IsolateError | null;
  /** How many fresh clones the settings want; null: the number of the last refresh. */
  count: number | null;
  /** Null: dropped, and maintained only until its leases have ended. */
  served: ServedPool | null;
  ring: () => void;
  done: Promise<void>;
}

/** A storage that cannot be opened is tried again after this time, at growing intervals. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** The same failure is logged again after this time. */
const repeatMs = 600_000;
/** Failures that do not go away by waiting. */
const lasting: ReadonlySet<string> = new Set([
  'template-missing',
  'template-not-filesystem',
  'template-without-snapshot',
  'key-not-loaded',
  'pool-suspended',
  'missing-tool',
  'state-unreadable',
]);

/** Maintains the pool of a template from now on, at first without serving it. Its directories are made once its storage is open. */
export function beginEntry(set: PoolSet, template: string, count: number | null): PoolEntry {
  const warn = (message: string): void => logEvent('warn', { event: 'state', template }, message);
  const entry: PoolEntry = {
    template,
    pool: findPoolFiles({ template, runtime: set.runtime, shelf: set.shelf, warn }),
    ending: new AbortController(),
    bell: createQuietBell(() => entry.ring()),
    reopening: new AbortController(),
    driver: null,
    failure: null,
    count,
    served: null,
    ring: () => {},
    done: Promise.resolve(),
  };
  set.entries.set(template, entry);
  // A little later, when the caller has begun to serve it.
  entry.done = Promise.resolve().then(() => maintain(set, entry, AbortSignal.any([set.signal, entry.ending.signal])));
  return entry;
}

/** Lends its clones from now on. */
export function serveEntry({ leases, open }: PoolSet, entry: PoolEntry): void {
  const makeOwn = ownClones(() => open(entry.template, entry.pool.warn));
  entry.served = leases.add(entry.pool, (urgent) => ringEntry(entry, urgent), makeOwn);
  entry.served.reread();
}

/** Stops lending its clones. It is maintained until its leases have ended. */
export function dropEntry(set: PoolSet, entry: PoolEntry): void {
  entry.served = null;
  set.leases.remove(entry.template);
  if (entry.driver === null) endIfIdle(set, entry);
  ringEntry(entry, true);
}

/** Several starts and ends of runs share one refresh, unless somebody waits or soon will. */
export function ringEntry({ bell, ring, served, count }: PoolEntry, urgent: boolean): void {
  if (urgent || (served !== null && served.fresh() * 2 < (count ?? 0))) ring();
  else bell.ring();
}

/** A full disk or a bug: it is tried again. */
async function maintain(set: PoolSet, entry: PoolEntry, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await maintainUntilReopened(set, entry, signal);
    } catch (error) {
      const { template } = entry;
      set.metrics.failed('internal');
      logEvent('error', { event: 'internal', template, stack: (error as Error).stack }, `The pool of ${template} failed.`);
      endIfIdle(set, entry);
      await sleep(longestPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function maintainUntilReopened(set: PoolSet, entry: PoolEntry, signal: AbortSignal): Promise<void> {
  entry.reopening = new AbortController();
  const pool = await openPatiently(set, entry, signal);
  if (pool === null) return;
  entry.driver = pool.driver;
  const maintained = maintainPool(pool, {
    plan: () => planRefresh(set, entry),
    onReport: (report) => note(set, entry, report),
    onFailure: (error) => fail(set, entry, error),
    signal: AbortSignal.any([signal, entry.reopening.signal]),
  });
  entry.ring = maintained.ring;
  await maintained.done;
}

async function openPatiently(set: PoolSet, entry: PoolEntry, signal: AbortSignal): Promise<Pool | null> {
  for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await set.open(entry.template, entry.pool.warn);
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error;
      entry.failure = error;
      fail(set, entry, error);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return null;
}

function planRefresh(
  { runtime, metrics, onRetired, sessions }: PoolSet,
  { pool, served, count }: PoolEntry,
): ReturnType<MaintainOptions['plan']> {
  // Somebody may have removed them while the daemon runs.
  ensureRuntimeDirectories(runtime, 0);
  ensurePoolDirectories(pool.paths, 0);
  // Holders are looked up for the status, not for a refill, which would have to wait.
  const onListed = (seen: SeenClones): void => mendIndex(sessions, { kind: 'volume', locator: pool.template }, seen, Date.now());
  const told = { skipHolders: true, onListed, onDestroyed: metrics.destroyed, onRetired: (lease: LeasedEntry) => onRetired(pool, lease) };
  if (served === null) return { ...told, skipCreate: true };
  return { ...told, ...(count === null ? {} : { count }), onFresh: served.add, waiting: served.waiting };
}

function note(set: PoolSet, entry: PoolEntry, report: RefreshReport): void {
  set.metrics.refreshed(report.durationMs);
  set.heldBack.refreshed(entry.pool);
  for (const { error } of report.failed) tell(set, entry, error);
  if (report.notCreated !== null) tell(set, entry, new IsolateError('pool-full', report.notCreated));
  else if (report.failed.length === 0) set.told.delete(entry.template);
  const { served } = entry;
  if (served === null) {
    if (report.leased === 0 && report.busy.length === 0) end(set, entry);
    return;
  }
  served.recover();
  // Another process refreshes or leases here too.
  if (served.fresh() !== report.fresh) served.reread();
}

function fail(set: PoolSet, entry: PoolEntry, error: IsolateError): void {
  tell(set, entry, error);
  if (lasting.has(error.code)) entry.served?.fail(error);
  endIfIdle(set, entry);
}

/** A dropped pool no longer needs its storage when none of its clones is left to give back. */
function endIfIdle(set: PoolSet, entry: PoolEntry): void {
  const { leased, retired } = entry.pool.paths;
  if (entry.served === null && [leased, retired].flatMap(readDirectory).length === 0) end(set, entry);
}

function end({ entries }: PoolSet, entry: PoolEntry): void {
  entry.ending.abort();
  entries.delete(entry.template);
}

function tell({ metrics, told }: PoolSet, { template }: PoolEntry, error: IsolateError): void {
  const { code, message } = toFailure(error);
  metrics.failed(code);
  const atMs = performance.now();
  const last = told.get(template);
  if (last?.message === message && atMs - last.atMs < repeatMs) return;
  told.set(template, { message, atMs });
  logEvent('error', { event: 'refresh', template, code }, message);
}
