import { IsolateError } from '../error.ts';
import type { HolderId } from '../pool/holder.ts';
import { makeForOne } from '../pool/lease/lease.ts';
import type { Pool } from '../pool/pool.ts';
import { type ChangedOwnership, placeOf } from '../rootfs/rootfs.ts';
import type { Taken } from './fresh-clones.ts';

/** Makes a clone with these owners for this holder. Throws the error of the storage. */
export type MakeOwnClone = (holder: HolderId, owners: ChangedOwnership) => Promise<Taken>;

/**
 * Makes clones for users whom fresh ones do not suit, because their storage cannot be mounted with the users' ids. They wait for the
 * owners of a whole tree to be changed only once for each snapshot of the template.
 */
export function ownClones(open: () => Promise<Pool>): MakeOwnClone {
  let opening: Promise<Pool> | null = null;
  const opened = async (): Promise<Pool> =>
    await (opening ??= open().catch((error: unknown) => {
      opening = null;
      throw error;
    }));
  return async (holder, owners) => {
    const pool = await opened();
    // A refresh may remove what it would be made from, when the template has just got a newer snapshot.
    const { id, rootfs } = await makeForOne(pool, owners, holder).catch((error: unknown) => {
      if (error instanceof IsolateError && error.code === 'template-missing') return makeForOne(pool, owners, holder);
      throw error;
    });
    const place = placeOf(rootfs);
    await pool.shelf.put(place);
    return { id, rootfs, seenAt: pool.shelf.find(place), checked: null, pool: { ...pool, holder } };
  };
}
