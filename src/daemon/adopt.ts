import { statSync } from 'node:fs';

import { logEvent } from '../log.ts';
import { isAlive } from '../pool/holder.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { findRunOwner, readRuns } from '../pool/runs.ts';
import { parseLeaseName } from '../pool/state-file.ts';
import { retireLeased } from '../pool/transition.ts';
import type { Leases } from './leases.ts';
import type { KeptPool } from './pools.ts';

export interface AdoptOptions {
  readonly pools: () => readonly KeptPool[];
  readonly leases: Pick<Leases, 'holds'>;
  /** Counts a lease of the user's that this daemon did not give; what it returns counts it off. */
  readonly count: (uid: number) => () => void;
  /** The clone of a user whose process died was retired. */
  readonly onRetired: (template: string, clone: string, uid: number) => void;
}

/** A holder that dies is noticed after this long. */
const pollMs = 1_000;

/**
 * Looks after the leases that no connection ends: of clients of a former daemon, of those that lost their broker, and of runs
 * without the daemon. They count for their users, and the clones of holders that died are retired. Until `signal` is aborted. What it
 * returns looks at once, as is needed for pools that are new: a refresh forgets whose the leases of dead holders were.
 */
export function adoptLeases(options: AdoptOptions, signal: AbortSignal): () => void {
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
  return look;
}

interface Adopted {
  readonly uid: number;
  readonly countOff: () => void;
}

function lookOnce({ pools, leases, count, onRetired }: AdoptOptions, known: ReadonlyMap<string, Adopted>): ReadonlyMap<string, Adopted> {
  const seen = new Map<string, Adopted>();
  const uids = new Map<string, number>();
  for (const { template, pool, ring } of pools()) {
    for (const name of readDirectory(pool.paths.leased)) {
      const lease = parseLeaseName(name);
      if (lease === null || leases.holds(template, lease.id)) continue;
      const key = `${template}\0${name}`;
      const adopted = known.get(key);
      if (!isAlive(lease.holder, pool.holder.bootId)) {
        const owner = findRunOwner(pool.runtime, lease.holder);
        if (retireLeased(pool, lease.id, name)) {
          logEvent('info', { event: 'retired', template, clone: lease.id, pid: lease.holder.pid }, 'The holder of a lease is dead.');
          onRetired(template, lease.id, adopted?.uid ?? owner ?? 0);
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
