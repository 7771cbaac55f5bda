import { join } from 'node:path';

import type { Rootfs } from '../rootfs/rootfs.ts';
import type { HolderId } from '../pool/holder.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { findStillThere } from '../pool/state/in-place.ts';
import { formatLeaseName, isCloneId } from '../pool/state/state-file.ts';
import { readCloneRecord, retireLeased, takeFresh } from '../pool/state/transition.ts';
import { checkAhead, type Checked, type CheckedAhead } from './check-ahead.ts';

/** A clone that was handed out; `pool` names its holder. */
export interface Taken {
  readonly id: string;
  readonly rootfs: Rootfs;
  /** As in `DaemonLease`. */
  readonly seenAt: string;
  /** As in `DaemonLease`. */
  readonly checked: Checked | null;
  readonly pool: PoolFiles;
}

/** The clones of a pool that are believed to be fresh. */
export interface FreshClones {
  readonly pool: PoolFiles;
  readonly ahead: CheckedAhead;
  /** The directory is read only when this list is used up, so a lease costs the same however many clones there are. */
  ids: readonly string[];
  /** Index of the first of `ids` that was not tried yet. */
  next: number;
}

/** None is known yet. */
export function openFresh(pool: PoolFiles): FreshClones {
  return { pool, ahead: checkAhead(pool), ids: [], next: 0 };
}

export function rereadFresh(fresh: FreshClones): void {
  know(fresh, readDirectory(fresh.pool.paths.fresh).filter(isCloneId));
}

/** These were made. */
export function addFresh(fresh: FreshClones, made: readonly string[]): void {
  know(fresh, [...fresh.ids.slice(fresh.next), ...made]);
}

export function countFresh({ ids, next }: FreshClones): number {
  return ids.length - next;
}

/** The first that is fresh and of use; null: there is none, or the shelf is not open. */
export function takeKnown(fresh: FreshClones, holder: HolderId): Taken | null {
  if (!fresh.pool.shelf.isOpen()) return null;
  const own = { ...fresh.pool, holder };
  if (countFresh(fresh) === 0) rereadFresh(fresh);
  for (let id = fresh.ids[fresh.next]; id !== undefined; id = fresh.ids[fresh.next]) {
    fresh.next += 1;
    const taken = takeOne(own, id, fresh.ahead.take(id));
    if (taken !== null) return taken;
    // Other processes lease and retire here too.
    if (countFresh(fresh) === 0) rereadFresh(fresh);
  }
  return null;
}

function know(fresh: FreshClones, ids: readonly string[]): void {
  fresh.ids = ids;
  fresh.next = 0;
  fresh.ahead.look(ids);
}

/** Null: another process was quicker, or the clone is unusable and was retired. */
function takeOne(pool: PoolFiles, id: string, checked: Checked | null): Taken | null {
  if (!takeFresh(pool, id)) return null;
  const leaseName = formatLeaseName(id, pool.holder);
  const state = readCloneRecord(join(pool.paths.leased, leaseName), id);
  const seenAt = state === null ? null : findStillThere(state, pool.shelf.find);
  if (state !== null && seenAt !== null) return { id, rootfs: state.rootfs, seenAt, checked, pool };
  const why = state === null ? 'its state file cannot be trusted' : 'it is no longer mounted';
  pool.warn(`Clone ${id} of ${pool.template} was retired unused: ${why}.`);
  retireLeased(pool, id, leaseName);
  return null;
}
