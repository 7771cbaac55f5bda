import { placeOf } from '../rootfs/rootfs.ts';
import { join } from 'node:path';

import type { PoolFiles } from '../pool/pool.ts';
import { readCloneRecord } from '../pool/state/transition.ts';
import { allMountpoints } from '../engine/registry.ts';
import { hasMountpoints } from '../run/look-into-root.ts';

/** Clones whose mountpoints were checked before anybody asked for a clone. */
export interface CheckedAhead {
  /** These are fresh. */
  readonly look: (ids: readonly string[]) => void;
  /** Whether this one, which is leased now, has a directory wherever isolate mounts; false: nobody looked yet, or it was not as it should be. */
  readonly take: (id: string) => boolean;
  readonly end: () => void;
}

/**
 * Checks fresh clones, which nobody changes, one at a time while there is time. The first look into a clone waits for its storage
 * (milliseconds with zfs-fuse), and nobody else would be served during that time.
 */
export function checkAhead(pool: PoolFiles): CheckedAhead {
  const good = new Set<string>();
  const waiting = new Set<string>();
  let looking = false;

  async function work(): Promise<void> {
    looking = true;
    for (const id of waiting) {
      const state = readCloneRecord(join(pool.paths.fresh, id), id);
      // It may have been leased before its turn came.
      if (state !== null && (await hasMountpoints(pool.shelf.find(placeOf(state.rootfs)), allMountpoints)) && waiting.has(id)) good.add(id);
      waiting.delete(id);
    }
    looking = false;
  }

  return {
    look: (ids) => {
      const fresh = new Set(ids);
      for (const id of good) if (!fresh.has(id)) good.delete(id);
      for (const id of ids) if (!good.has(id)) waiting.add(id);
      if (!looking) void work();
    },
    take: (id) => {
      waiting.delete(id);
      return good.delete(id);
    },
    end: () => waiting.clear(),
  };
}
