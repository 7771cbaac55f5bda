import { join } from 'node:path';

import type { PoolFiles } from '../pool/pool.ts';
import { readCloneState } from '../pool/transition.ts';
import { hasMountpoints } from '../run/settle-targets.ts';

/** Clones whose mountpoints were looked at before anybody asked for one. */
export interface CheckedAhead {
  /** These are fresh. */
  readonly look: (ids: readonly string[]) => void;
  /** Whether this one was found good; asked once. */
  readonly take: (id: string) => boolean;
  readonly end: () => void;
}

/**
 * Looks at fresh clones, which nobody changes, while there is time: a first look into a clone waits for its storage, zfs-fuse's for
 * milliseconds, in which nobody else would be served. One clone at a time.
 */
export function checkAhead(pool: PoolFiles): CheckedAhead {
  const good = new Set<string>();
  const waiting = new Set<string>();
  let looking = false;

  async function work(): Promise<void> {
    looking = true;
    for (const id of waiting) {
      waiting.delete(id);
      const state = readCloneState(join(pool.paths.fresh, id), id);
      // It may have been leased while its turn came.
      if (state !== null && (await hasMountpoints(state.rootfs.path))) good.add(id);
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
