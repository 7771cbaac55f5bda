import type { IsolateError } from '../error.ts';
import { logEvent } from '../log.ts';
import { keyTemplate } from '../pool/paths.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import type { StorageDriver } from '../storage/driver.ts';
import { beginEntry, dropEntry, type PoolEntry, type PoolSet, ringEntry, serveEntry } from './pool-entry.ts';

/** A pool that the daemon maintains; its members as in `PoolEntry`. */
export interface MaintainedPool {
  readonly template: string;
  readonly pool: PoolFiles;
  readonly driver: StorageDriver | null;
  readonly failure: IsolateError | null;
  readonly count: number | null;
  /** There is work. */
  readonly ring: () => void;
}

export interface Pools {
  /** Maintains a pool for each of these templates from now on. A dropped pool is maintained until its leases have ended. */
  readonly configure: (wanted: ReadonlyMap<string, number | null>) => void;
  /** The ids of sandboxes have changed: fresh clones with other ids are replaced. */
  readonly reopen: () => void;
  readonly all: () => readonly MaintainedPool[];
  /** The signal file of this key was written. */
  readonly signalled: (key: string) => void;
  /** Settles when `signal` has been aborted and nothing is being made any more. */
  readonly done: () => Promise<void>;
}

export type PoolsOptions = Omit<PoolSet, 'entries' | 'told'>;

/** How often to check pools that the settings do not name. */
const cleanUpMs = 60_000;

/** Maintains the pools of all configured templates. */
export function maintainPools(options: PoolsOptions): Pools {
  const set: PoolSet = { ...options, entries: new Map(), told: new Map() };
  // Some changes that need cleaning up give no signal: killed runs, destroyed templates.
  const timer = setInterval(() => {
    try {
      cleanUpAll(set);
    } catch (error) {
      logEvent('error', { event: 'clean-up', stack: (error as Error).stack }, 'Could not look for pools to clean up.');
    }
  }, cleanUpMs);
  return {
    configure: (wanted) => configure(set, wanted),
    reopen: () => {
      for (const { reopening } of set.entries.values()) reopening.abort();
    },
    all: () => [...set.entries.values()].map(describeEntry),
    signalled: (key) => {
      const known = [...set.entries.values()].filter(({ pool }) => pool.paths.key === key);
      for (const entry of known) ringEntry(entry, true);
      if (known.length === 0) cleanUp(set, key);
    },
    done: async () => {
      clearInterval(timer);
      await Promise.all([...set.entries.values()].map(({ done }) => done));
      for (const { bell } of set.entries.values()) bell.end();
    },
  };
}

function configure(set: PoolSet, wanted: ReadonlyMap<string, number | null>): void {
  for (const entry of set.entries.values()) {
    if (!wanted.has(entry.template) && entry.served !== null) dropEntry(set, entry);
  }
  for (const [template, count] of wanted) {
    const entry = set.entries.get(template) ?? beginEntry(set, template, count);
    entry.count = count;
    if (entry.served === null) serveEntry(set, entry);
    ringEntry(entry, true);
  }
  cleanUpAll(set);
}

function cleanUpAll(set: PoolSet): void {
  for (const key of readDirectory(set.runtime.pools)) cleanUp(set, key);
}

/** Cleans up a pool that the settings do not name: destroys its used clones, and forgets it if its template is gone. */
function cleanUp(set: PoolSet, key: string): void {
  const template = keyTemplate(key);
  if (template !== null && !set.entries.has(template) && !set.signal.aborted) beginEntry(set, template, null);
}

function describeEntry(entry: PoolEntry): MaintainedPool {
  const { template, pool, driver, failure, count } = entry;
  return { template, pool, driver, failure, count, ring: () => ringEntry(entry, true) };
}
