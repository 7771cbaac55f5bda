import { placeOf } from '../rootfs/rootfs.ts';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import type { PoolFiles } from '../pool/pool.ts';
import { readCloneRecord } from '../pool/state/transition.ts';
import { allMountpoints } from '../engine/registry.ts';
import { IsolateError } from '../error.ts';
import { hasMountpoints } from '../run/look-into-root.ts';
import { readDefaultsInTime } from '../run/read-template-record.ts';
import type { TemplateDefaults } from '../spec/template-record.ts';

/** What was seen in a clone that has a directory wherever isolate mounts. */
export interface Checked {
  readonly defaults: TemplateDefaults;
}

/** Clones that were checked before anybody asked for one. */
export interface CheckedAhead {
  /** These are fresh. */
  readonly look: (ids: readonly string[]) => void;
  /** What was seen in this one, which is leased now; null: nobody looked yet, or it was not as it should be. */
  readonly take: (id: string) => Checked | null;
  readonly end: () => void;
}

/**
 * Checks fresh clones, which nobody changes, one at a time while there is time. The first look into a clone waits for its storage
 * (milliseconds with zfs-fuse), and nobody else would be served during that time.
 */
export function checkAhead(pool: PoolFiles): CheckedAhead {
  const good = new Map<string, Checked>();
  /** Nearly all clones have the same: those of their snapshot. */
  let latest: Checked = { defaults: {} };
  const waiting = new Set<string>();
  let looking = false;

  async function check(path: string): Promise<Checked | null> {
    if (!(await hasMountpoints(path, allMountpoints))) return null;
    try {
      const defaults = await readDefaultsInTime({ path, name: pool.template });
      if (!isDeepStrictEqual(defaults, latest.defaults)) latest = { defaults };
      return latest;
    } catch (error) {
      // The run that gets the clone says what is wrong.
      if (error instanceof IsolateError) return null;
      throw error;
    }
  }

  /** What fails here is said to the run that gets the clone. */
  async function checkClone(id: string): ReturnType<typeof check> {
    const state = readCloneRecord(join(pool.paths.fresh, id), id);
    // It may have been leased before its turn came.
    return state === null ? null : await check(pool.shelf.find(placeOf(state.rootfs)));
  }

  async function work(): Promise<void> {
    looking = true;
    for (const id of waiting) {
      const checked = await checkClone(id).catch(() => null);
      if (checked !== null && waiting.has(id)) good.set(id, checked);
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
      waiting.delete(id);
      const checked = good.get(id) ?? null;
      good.delete(id);
      return checked;
    },
    end: () => waiting.clear(),
  };
}
