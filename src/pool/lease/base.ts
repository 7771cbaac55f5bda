import { placeOf } from '../../rootfs/rootfs.ts';
import { IsolateError } from '../../error.ts';
import type { ChangedTrees, MakeBase } from '../../storage/driver.ts';
import type { Pool } from '../pool.ts';
import { makeForOne } from './lease.ts';
import { releaseClone } from './release.ts';
import { tidyUp } from './tidy.ts';

/** Clones of states, to compare others with. Each is leased by this pool's holder, so that one of a dead process is destroyed like any other. */
function makeBaseIn(pool: Pool): MakeBase {
  return async (name) => {
    const source = { template: pool.template, name, guid: '' };
    // Its owners are those that the state has.
    const { id, rootfs } = await makeForOne(pool, null, pool.holder, source);
    return {
      path: placeOf(rootfs),
      end: async () => {
        await releaseClone(pool, id);
        tidyUp(pool);
      },
    };
  };
}

/** What a leased clone was changed in; `seenAt`: where this process reaches it. Throws the storage's error. */
export async function openLeasedChanges(pool: Pool, id: string, seenAt: string): Promise<ChangedTrees> {
  const clone = (await pool.driver.list()).find((one) => one.id === id);
  if (clone === undefined) throw new IsolateError('storage-failed', `Clone ${id} of ${pool.template} does not exist any more.`);
  return await pool.driver.openChanges(clone, seenAt, { makeBase: makeBaseIn(pool), mountDirectory: pool.paths.mounts });
}
