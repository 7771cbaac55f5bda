import { placeOf } from '../rootfs/rootfs.ts';
import { join } from 'node:path';

import { findMountId, readMountTable } from '../pool/state/in-place.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { readCloneState } from '../pool/state/transition.ts';
import { allMountpoints } from '../engine/registry.ts';
import { hasMountpoints } from '../run/look-into-root.ts';

/** A clone that has a directory wherever isolate mounts. */
export interface CheckedClone {
  /** The mount that its rootfs was (`hasMountId`); null: it is no mount of its own. */
  readonly mountId: string | null;
}

/** Clones whose mountpoints were looked at before anybody asked for one. */
export interface CheckedAhead {
  /** These are fresh. */
  readonly look: (ids: readonly string[]) => void;
  /** What is known of this one, which is leased now; null: nobody looked yet, or it was not as it should be. */
  readonly take: (id: string) => CheckedClone | null;
  readonly end: () => void;
}

/**
 * Looks at fresh clones, which nobody changes, while there is time: a first look into a clone waits for its storage, zfs-fuse's for
 * milliseconds, in which nobody else would be served. One clone at a time.
 */
export function checkAhead(pool: PoolFiles): CheckedAhead {
  const good = new Map<string, CheckedClone>();
  const waiting = new Set<string>();
  let looking = false;

  async function work(): Promise<void> {
    looking = true;
    let table = '';
    for (const id of waiting) {
      const state = readCloneState(join(pool.paths.fresh, id), id);
      // It may have been leased while its turn came.
      if (state !== null && (await hasMountpoints(placeOf(state.rootfs), allMountpoints)) && waiting.has(id)) {
        if (findMountId(state, table) === null) table = readMountTable();
        good.set(id, { mountId: findMountId(state, table) });
      }
      waiting.delete(id);
    }
    looking = false;
  }

  return {
    look: (ids) => {
      const fresh = new Set(ids);
      for (const id of good.keys()) if (!fresh.has(id)) good.delete(id);
      for (const id of ids) if (!good.has(id)) waiting.add(id);
      if (!looking) void work();
    },
    take: (id) => {
      const found = good.get(id) ?? null;
      waiting.delete(id);
      good.delete(id);
      return found;
    },
    end: () => waiting.clear(),
  };
}
