import { statSync } from 'node:fs';

import { logEvent } from '../log.ts';
import { type HolderId, isAlive } from '../pool/holder.ts';
import type { LeasedEntry } from '../pool/state/pool-state.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { findRunOwner, readRuns } from '../pool/claims/runs.ts';
import { parseLeaseName } from '../pool/state/state-file.ts';
import { retireLeased } from '../pool/state/transition.ts';
import type { Leases } from './leases.ts';
import type { MaintainedPool } from './pools.ts';

export interface AdoptOptions {
  readonly pools: () => readonly MaintainedPool[];
  readonly leases: Pick<Leases, 'holds'>;
  /** Counts a user's lease that this daemon did not give; the returned function uncounts it. */
  readonly count: (uid: number) => () => void;
  /** The clone of a user whose process died was retired. */
  readonly onRetired: (template: string, clone: string, uid: number) => void;
}

/** How soon the death of a holder is noticed. */
const pollMs = 1_000;

export interface Adoption {
  /** Looks at once, which new pools need. */
  readonly look: () => void;
  /** A refresh retired the clone of a holder that died. */
  readonly retired: (pool: PoolFiles, lease: LeasedEntry) => void;
}

/**
 * Looks after the leases that do not end with a connection: those of clients of an earlier daemon, of clients that lost their broker, and
 * of runs without the daemon. They count for their users, and the clones of dead holders are retired. Returns when `signal` is aborted.
 */
export function adoptLeases(options: AdoptOptions, signal: AbortSignal): Adoption {
  let known: ReadonlyMap<string, Adopted> = new Map();
  const look = (): void => {
    try {
      known = lookOnce(options, known);
    } catch (error) {
      logEvent('error', { event: 'adopt', stack: (error as Error).stack }, 'Could not read the leases.');
    }
  };
  look();
  const timer = setInterval(look, pollMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return {
    look,
    retired: (pool, { id, name, holder }) => {
      // Its connection is about to end, which tells more.
      if (options.leases.holds(pool.template, id)) return;
      const uid = known.get(keyOf(pool, name))?.uid ?? findRunOwner(pool.runtime, holder) ?? 0;
      noteRetired(options, pool, { id, holder, uid });
    },
  };
}

const keyOf = ({ template }: PoolFiles, leaseName: string): string => `${template}\0${leaseName}`;

function noteRetired(
  { onRetired }: AdoptOptions,
  { template }: PoolFiles,
  { id, holder, uid }: { readonly id: string; readonly holder: HolderId; readonly uid: number },
): void {
  logEvent('info', { event: 'retired', template, clone: id, pid: holder.pid }, 'The holder of a lease is dead.');
  onRetired(template, id, uid);
}

interface Adopted {
  readonly uid: number;
  readonly countOff: () => void;
}

function lookOnce(options: AdoptOptions, known: ReadonlyMap<string, Adopted>): ReadonlyMap<string, Adopted> {
  const { pools, leases, count } = options;
  const seen = new Map<string, Adopted>();
  const uids = new Map<string, number>();
  for (const { template, pool, ring } of pools()) {
    for (const name of readDirectory(pool.paths.leased)) {
      const lease = parseLeaseName(name);
      if (lease === null || leases.holds(template, lease.id)) continue;
      const key = keyOf(pool, name);
      const adopted = known.get(key);
      if (!isAlive(lease.holder, pool.holder.bootId)) {
        const owner = findRunOwner(pool.runtime, lease.holder);
        if (retireLeased(pool, lease.id, name)) {
          noteRetired(options, pool, { ...lease, uid: adopted?.uid ?? owner ?? 0 });
          ring();
        }
        continue;
      }
      if (adopted === undefined && uids.size === 0) {
        for (const run of readRuns(pool.runtime, pool.holder.bootId)) uids.set(`${run.template}\0${run.clone}`, run.uid);
      }
      const uid = adopted?.uid ?? uids.get(`${template}\0${lease.id}`) ?? ownerOf(lease.holder.pid);
      seen.set(key, adopted ?? { uid, countOff: count(uid) });
    }
  }
  for (const [key, { countOff }] of known) if (!seen.has(key)) countOff();
  return seen;
}

function ownerOf(pid: number): number {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? 0;
}
