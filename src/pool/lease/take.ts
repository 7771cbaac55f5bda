import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import type { PoolFiles } from '../pool.ts';
import { readDirectory } from '../read-directory.ts';
import type { Taking } from '../shelf.ts';
import type { GivenGroups } from '../../engine/engine.ts';
import type { EndOperation, ShelfTree } from '../../launch/launch.ts';
import { givenPart, placeOf, type Rootfs, rootfsOf } from '../../rootfs/rootfs.ts';
import { releaseByLauncher, releaseClone } from './release.ts';
import { isInPlace } from '../state/in-place.ts';
import { type CloneRecord, formatLeaseName } from '../state/state-file.ts';
import { putBack, readCloneRecord, retireLeased, takeFresh } from '../state/transition.ts';

/** The exclusive claim of one run on one clone. */
export interface Lease {
  readonly id: string;
  readonly rootfs: Rootfs;
  /** The launcher takes the rootfs from the shelf: what it takes, and where this process sees it. Absent: it does not. */
  readonly onShelf?: { readonly tree: ShelfTree; readonly seenAt: string };
  /** The cgroups of the run's limits, if the daemon makes them. */
  readonly groups?: GivenGroups;
  /** Gives up the clone, which is then destroyed. Safe to call twice; a process that dies without calling it is noticed. */
  readonly release: () => Promise<void>;
  /** The same for a launcher; null: it cannot. */
  readonly atEnd: (() => readonly EndOperation[]) | null;
}

/**
 * The oldest fresh clone or, when another was quicker, any; null: none is fresh. Reads a directory and renames a file:
 * no lock. Throws `template-not-mounted` where this process does not see what is mounted, `storage-failed`.
 */
export async function takeFreshClone(pool: PoolFiles): Promise<Lease | null> {
  const ids = readDirectory(pool.paths.fresh);
  while (ids.length > 0) {
    const [id] = ids.splice(0, 1);
    if (id === undefined) break;
    const lease = await take(pool, id);
    if (lease !== null) return lease;
    // Other processes try too; a random start keeps them from following us from one clone to the next.
    const start = Math.floor(Math.random() * ids.length);
    ids.unshift(...ids.splice(start));
  }
  return null;
}

/** The lease of a clone whose state file already names this pool's holder. */
export function leaseOf(pool: PoolFiles, id: string, root: Pick<Lease, 'rootfs' | 'onShelf'>): Lease {
  return { id, ...root, release: () => releaseClone(pool, id), atEnd: () => releaseByLauncher(pool, id) };
}

async function take(pool: PoolFiles, id: string): Promise<Lease | null> {
  pool.checkpoint('lease:before-rename');
  if (!takeFresh(pool, id)) return null;
  pool.checkpoint('lease:renamed');
  const leaseName = formatLeaseName(id, pool.holder);
  const state = readCloneRecord(join(pool.paths.leased, leaseName), id);
  const root = state === null ? null : await findRoot(pool, state, () => putBack(pool, id));
  if (root !== null) return leaseOf(pool, id, root);
  const why = state === null ? 'its state file cannot be trusted' : 'it is no longer mounted';
  pool.warn(`Clone ${id} of ${pool.template} was retired unused: ${why}.`);
  retireLeased(pool, id, leaseName);
  return null;
}

/** Where the rootfs of a leased clone is; null: it is not mounted any more. Where it throws, `putBack` is called before. */
export async function findRoot(
  pool: PoolFiles,
  state: CloneRecord,
  putBack: () => void,
): Promise<Pick<Lease, 'rootfs' | 'onShelf'> | null> {
  return findOnShelf(pool, state) ?? ((await bring(pool, state, putBack)) ? { rootfs: state.rootfs } : null);
}

/** The clone for a launcher that takes it from the shelf; null: it is not there, or this run needs it on the host. */
function findOnShelf({ shelf: { direct } }: PoolFiles, state: CloneRecord): Pick<Lease, 'rootfs' | 'onShelf'> | null {
  const [part] = state.rootfs.parts;
  if (direct === null || part.kind !== 'tree' || !isInPlace(state, direct.root)) return null;
  const tree: ShelfTree = { shelf: direct.directory, shelfPath: part.source, shelfDevice: state.device };
  return { rootfs: rootfsOf(givenPart(part)), onShelf: { tree, seenAt: direct.root + part.source } };
}

/** Mounts the clone at its path on the host; false: it is gone. */
async function bring(pool: PoolFiles, state: CloneRecord, giveUp: () => void): Promise<boolean> {
  if (isInPlace(state)) return true;
  let taking: Taking | null = null;
  try {
    taking = await pool.shelf.take(placeOf(state.rootfs));
  } finally {
    if (taking === null || taking === 'no-shelf') giveUp();
  }
  if (taking !== 'no-shelf') return taking === 'taken' && isInPlace(state);
  throw new IsolateError('template-not-mounted', `The fresh clones of ${pool.template} are mounted where this process cannot see them.`, {
    hint: `use the mount namespace that isolate refresh ran in; or isolate refresh ${pool.template} makes new ones`,
  });
}
