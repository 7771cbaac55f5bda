import { setTimeout as sleep } from 'node:timers/promises';

import { IsolateError } from '../error.ts';
import { logEvent } from '../log.ts';
import { ensurePoolDirectories, ensureRuntimeDirectories } from '../pool/directories.ts';
import { toFailure } from '../pool/failure.ts';
import { keepPool, type KeepOptions } from '../upkeep/maintain.ts';
import { keyTemplate, type RuntimePaths } from '../pool/paths.ts';
import type { LeasedEntry } from '../pool/state/pool-state.ts';
import { findPoolFiles, type Pool, type PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import type { RefreshOptions, RefreshReport } from '../upkeep/refresh.ts';
import type { StorageDriver } from '../storage/driver.ts';
import type { HeldBack } from './held-back.ts';
import type { Leases } from './leases.ts';
import type { Metrics } from './metrics.ts';
import type { ServedPool } from './served-pool.ts';

/** A pool that the daemon looks after. */
export interface KeptPool {
  readonly template: string;
  readonly pool: PoolFiles;
  /** Null until its storage could be opened. */
  readonly driver: StorageDriver | null;
  /** Why it could not. */
  readonly failure: IsolateError | null;
  /** How many fresh clones the configuration wants; null: as the last refresh was told. */
  readonly count: number | null;
  /** There is work. */
  readonly ring: () => void;
}

export interface Pools {
  /** Keeps a pool for each of these templates from now on. One that is dropped is looked after until its leases have ended. */
  readonly configure: (wanted: ReadonlyMap<string, number | null>) => void;
  /** What pools were opened with has changed: the ids of sandboxes. Fresh clones with others are replaced. */
  readonly reopen: () => void;
  readonly kept: () => readonly KeptPool[];
  /** The signal file of this key was written. */
  readonly signalled: (key: string) => void;
  /** Settles when `signal` was aborted and nothing is being made any more. */
  readonly done: () => Promise<void>;
}

export interface PoolsOptions {
  readonly leases: Pick<Leases, 'add' | 'remove'>;
  readonly heldBack: Pick<HeldBack, 'refreshed'>;
  readonly metrics: Pick<Metrics, 'refreshed' | 'destroyed' | 'failed'>;
  readonly onRetired: (pool: PoolFiles, lease: LeasedEntry) => void;
  readonly runtime: RuntimePaths;
  /** Throws what the storage says. */
  readonly open: (template: string, warn: (message: string) => void) => Promise<Pool>;
  readonly signal: AbortSignal;
}

interface Entry {
  readonly template: string;
  readonly pool: PoolFiles;
  readonly ending: AbortController;
  reopening: AbortController;
  driver: StorageDriver | null;
  failure: IsolateError | null;
  count: number | null;
  /** Null: dropped, and looked after only until its leases have ended. */
  served: ServedPool | null;
  ring: () => void;
  later: NodeJS.Timeout | null;
  laterSinceMs: number | null;
  done: Promise<void>;
}

/** A storage that cannot be opened is tried again after so long, ever more rarely. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** A refresh takes the storage's time from the runs, so while most of a pool is fresh it waits until so long nothing has happened, */
const quietMs = 100;
/** but no longer than this. */
const longestQuietMs = 1_000;
/** The same failure is told again after so long. */
const repeatMs = 600_000;
/** Pools that the settings do not name are looked at this often. */
const cleanUpMs = 60_000;
/** Failures that waiting does not cure. */
const lasting: ReadonlySet<string> = new Set([
  'template-missing',
  'template-not-filesystem',
  'template-without-snapshot',
  'key-not-loaded',
  'pool-suspended',
  'missing-tool',
  'state-unreadable',
]);

/** Keeps the pools of all configured templates full. */
export function keepPools({ leases, heldBack, metrics, onRetired, runtime, open, signal }: PoolsOptions): Pools {
  const entries = new Map<string, Entry>();
  /** What was told last of each template, and when. */
  const told = new Map<string, { readonly message: string; readonly atMs: number }>();

  function begin(template: string, count: number | null): Entry {
    const entry = makeEntry(template, count);
    serveEntry(entry);
    entry.done = lookOn(entry, AbortSignal.any([signal, entry.ending.signal]));
    return entry;
  }

  function makeEntry(template: string, count: number | null): Entry {
    // Its directories are made when its storage was opened.
    const pool = findPoolFiles({ template, runtime, warn: (message) => logEvent('warn', { event: 'state', template }, message) });
    const ending = new AbortController();
    return {
      template,
      pool,
      ending,
      reopening: new AbortController(),
      driver: null,
      failure: null,
      count,
      served: null,
      ring: () => {},
      later: null,
      laterSinceMs: null,
      done: Promise.resolve(),
    };
  }

  function serveEntry(entry: Entry): void {
    entry.served = leases.add(entry.pool, (urgent) => ringEntry(entry, urgent));
    entry.served.reread();
  }

  /** A full disk, or a defect: it is tried again. */
  async function lookOn(entry: Entry, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await look(entry, signal);
      } catch (error) {
        const { template } = entry;
        metrics.failed('internal');
        logEvent('error', { event: 'internal', template, stack: (error as Error).stack }, `The pool of ${template} failed.`);
        endIfIdle(entry);
        await sleep(longestPauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async function look(entry: Entry, signal: AbortSignal): Promise<void> {
    entry.reopening = new AbortController();
    const pool = await openPatiently(entry, signal);
    if (pool === null) return;
    entry.driver = pool.driver;
    const keeper = keepPool(pool, {
      plan: () => {
        // Somebody may have removed them under a living daemon.
        ensureRuntimeDirectories(runtime, 0);
        ensurePoolDirectories(entry.pool.paths, 0);
        return planRefresh(entry, { onDestroyed: metrics.destroyed, onRetired: (lease) => onRetired(entry.pool, lease) });
      },
      onReport: (report) => note(entry, report),
      onFailure: (error) => fail(entry, error),
      signal: AbortSignal.any([signal, entry.reopening.signal]),
    });
    entry.ring = keeper.ring;
    await keeper.done;
  }

  async function openPatiently(entry: Entry, signal: AbortSignal): Promise<Pool | null> {
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return await open(entry.template, entry.pool.warn);
      } catch (error) {
        if (!(error instanceof IsolateError)) throw error;
        entry.failure = error;
        fail(entry, error);
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return null;
  }

  function note(entry: Entry, report: RefreshReport): void {
    metrics.refreshed(report.durationMs);
    heldBack.refreshed(entry.pool);
    for (const { error } of report.failed) tell(entry, error);
    if (report.notCreated !== null) tell(entry, new IsolateError('pool-full', report.notCreated));
    else if (report.failed.length === 0) told.delete(entry.template);
    const { served } = entry;
    if (served === null) {
      if (report.leased === 0 && report.busy.length === 0) end(entry);
      return;
    }
    served.recover();
    // Another process refreshes or leases here too.
    if (served.fresh() !== report.fresh) served.reread();
  }

  function fail(entry: Entry, error: IsolateError): void {
    tell(entry, error);
    if (lasting.has(error.code)) entry.served?.fail(error);
    endIfIdle(entry);
  }

  /** A pool that was dropped needs its storage no more when no clone of it is left to be given back. */
  function endIfIdle(entry: Entry): void {
    const { leased, retired } = entry.pool.paths;
    if (entry.served === null && [leased, retired].flatMap(readDirectory).length === 0) end(entry);
  }

  function end(entry: Entry): void {
    entry.ending.abort();
    entries.delete(entry.template);
  }

  function tell(entry: Entry, error: IsolateError): void {
    const { code, message } = toFailure(error);
    metrics.failed(code);
    const atMs = performance.now();
    const last = told.get(entry.template);
    if (last?.message === message && atMs - last.atMs < repeatMs) return;
    told.set(entry.template, { message, atMs });
    logEvent('error', { event: 'refresh', template: entry.template, code }, message);
  }

  /** A pool that the settings do not name: what runs left of it is destroyed, and it is forgotten if its template is gone. */
  function cleanUp(key: string): void {
    const template = keyTemplate(key);
    if (template === null || entries.has(template) || signal.aborted) return;
    const entry = makeEntry(template, null);
    entries.set(template, entry);
    entry.done = lookOn(entry, AbortSignal.any([signal, entry.ending.signal]));
  }

  /** Not all that needs cleaning up gives a signal: runs are killed, templates destroyed. */
  const timer = setInterval(() => {
    for (const key of readDirectory(runtime.pools)) cleanUp(key);
  }, cleanUpMs);

  return {
    configure: (wanted) => {
      for (const entry of entries.values()) {
        if (wanted.has(entry.template) || entry.served === null) continue;
        entry.served = null;
        leases.remove(entry.template);
        if (entry.driver === null) endIfIdle(entry);
        ringEntry(entry, true);
      }
      for (const [template, count] of wanted) {
        const entry = entries.get(template);
        if (entry === undefined) {
          entries.set(template, begin(template, count));
          continue;
        }
        entry.count = count;
        if (entry.served === null) serveEntry(entry);
        ringEntry(entry, true);
      }
      for (const key of readDirectory(runtime.pools)) cleanUp(key);
    },
    reopen: () => {
      for (const { reopening } of entries.values()) reopening.abort();
    },
    kept: () =>
      [...entries.values()].map((entry) => {
        const { template, pool, driver, failure, count } = entry;
        return { template, pool, driver, failure, count, ring: () => ringEntry(entry, true) };
      }),
    signalled: (key) => {
      const known = [...entries.values()].filter(({ pool }) => pool.paths.key === key);
      for (const entry of known) ringEntry(entry, true);
      if (known.length === 0) cleanUp(key);
    },
    done: async () => {
      clearInterval(timer);
      await Promise.all([...entries.values()].map(({ done }) => done));
      for (const { later } of entries.values()) clearTimeout(later ?? undefined);
    },
  };
}

function planRefresh(entry: Entry, told: Pick<RefreshOptions, 'onDestroyed' | 'onRetired'>): ReturnType<KeepOptions['plan']> {
  const { served, count } = entry;
  // Who asks for the status is told of them, and no refill waits for that.
  if (served === null) return { ...told, skipCreate: true, skipHolders: true };
  return { ...told, skipHolders: true, ...(count === null ? {} : { count }), onFresh: served.add, waiting: served.waiting };
}

/** Several ends and beginnings of runs are one refresh, unless somebody waits or soon will. */
function ringEntry(entry: Entry, urgent: boolean): void {
  const { served, count } = entry;
  if (urgent || (served !== null && served.fresh() * 2 < (count ?? 0))) return entry.ring();
  const now = performance.now();
  entry.laterSinceMs ??= now;
  clearTimeout(entry.later ?? undefined);
  const waitMs = Math.min(quietMs, Math.max(entry.laterSinceMs + longestQuietMs - now, 0));
  entry.later = setTimeout(() => {
    entry.later = null;
    entry.laterSinceMs = null;
    entry.ring();
  }, waitMs);
}
