import { placeOf } from '../../rootfs/rootfs.ts';
import type { MakeBase } from '../../storage/driver.ts';
import type { Pool } from '../pool.ts';
import { makeForOne } from './lease.ts';
import { releaseClone } from './release.ts';
import { tidyUp } from './tidy.ts';

/** Clones of states, to compare others with. Each is leased by this pool's holder, so that one of a dead process is destroyed like any other. */
export function makeBaseIn(pool: Pool): MakeBase {
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
