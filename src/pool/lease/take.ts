import { join } from 'node:path';
import type { PoolFiles } from '../pool.ts';
import { readDirectory } from '../read-directory.ts';
import type { GivenGroups } from '../../engine/engine.ts';
import type { Rootfs } from '../../rootfs/rootfs.ts';
import { releaseClone } from './release.ts';
import { formatLeaseName } from '../state/state-file.ts';
import { isInPlace, readCloneState, retireLeased, takeFresh } from '../state/transition.ts';

/** The exclusive claim of one run on one clone. */
export interface Lease {
  readonly id: string;
  readonly rootfs: Rootfs;
  /** The groups of the run's limits, where the daemon makes them. */
  readonly groups?: GivenGroups;
  /** Gives the clone up, to be destroyed. Safe to call twice; a process that dies without it is noticed. */
  readonly release: () => Promise<void>;
}

/**
 * The oldest fresh clone or, when another was quicker, any; null: none is fresh. Reads a directory and renames a file:
 * no lock, and no storage is asked.
 */
export function takeFreshClone(pool: PoolFiles): Lease | null {
  const ids = readDirectory(pool.paths.fresh);
  while (ids.length > 0) {
    const [id] = ids.splice(0, 1);
    if (id === undefined) break;
    const lease = take(pool, id);
    if (lease !== null) return lease;
    // Others are here too: starting anywhere keeps them from following us from one to the next.
    const start = Math.floor(Math.random() * ids.length);
    ids.unshift(...ids.splice(start));
  }
  return null;
}

/** The lease of a clone whose state file already names this pool's holder. */
export function leaseOf(pool: PoolFiles, id: string, rootfs: Rootfs): Lease {
  return { id, rootfs, release: () => releaseClone(pool, id) };
}

function take(pool: PoolFiles, id: string): Lease | null {
  pool.checkpoint('lease:before-rename');
  if (!takeFresh(pool, id)) return null;
  pool.checkpoint('lease:renamed');
  const leaseName = formatLeaseName(id, pool.holder);
  const state = readCloneState(join(pool.paths.leased, leaseName), id);
  if (state !== null && isInPlace(state)) return leaseOf(pool, id, state.rootfs);
  const why = state === null ? 'its state file cannot be trusted' : 'it is no longer mounted';
  pool.warn(`Clone ${id} of ${pool.template} was retired unused: ${why}.`);
  retireLeased(pool, id, leaseName);
  return null;
}
