import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { maintainPools } from '../../../src/daemon/pools.ts';
import { withoutShelf } from '../../../src/pool/shelf.ts';
import { createMetrics } from '../../../src/daemon/metrics.ts';
import { placeOf, rootfsOf } from '../../../src/rootfs/rootfs.ts';
import type { ServedPool } from '../../../src/daemon/served-pool.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import type { CreateOptions, StorageDriver } from '../../../src/storage/driver.ts';
import { open, useTemplate } from '../../rig/pool-harness.ts';

useTemplate();

/** A driver whose clones have the ids that they were to have. */
function shiftingDriver(): StorageDriver {
  const { driver } = open();
  return {
    ...driver,
    template: 'tank/one',
    create: async (source, ids, options) => {
      const results = await driver.create(source, ids, options);
      const { owners: ownership } = options;
      return results.map((result) =>
        result.ok && ownership !== null
          ? { ...result, rootfs: rootfsOf({ kind: 'tree', source: placeOf(result.rootfs), ownership, idmappable: false }) }
          : result,
      );
    },
  };
}

/** A pool that nobody takes clones of. */
function serveNobody(pool: Pool): ServedPool {
  const nothing = (): void => {};
  return {
    pool,
    take: () => Promise.reject(new Error('Nobody asks.')),
    putBack: nothing,
    giveBack: nothing,
    add: nothing,
    reread: nothing,
    fail: nothing,
    recover: nothing,
    end: nothing,
    waiting: () => 0,
    fresh: () => 0,
  };
}

test('when the ids of sandboxes change the daemon replaces the fresh clones that have the former ones', async () => {
  const shiftTo = (uidBase: number): CreateOptions['owners'] => ({ kind: 'shifted', uidBase, gidBase: uidBase });
  const driver = shiftingDriver();
  const shifts = [shiftTo(100_000), shiftTo(200_000)];
  const first = open({ driver, owners: shiftTo(100_000) });
  const ending = new AbortController();
  const pools = maintainPools({
    leases: { add: () => serveNobody(first), remove: () => {} },
    heldBack: { refreshed: () => {} },
    metrics: createMetrics(),
    onRetired: () => {},
    runtime: first.runtime,
    sessions: { directory: '/nonexistent/sessions' },
    shelf: withoutShelf,
    open: async () => open({ driver, owners: shifts.shift() ?? null }),
    signal: ending.signal,
  });
  const fresh = (): readonly string[] => readdirSync(first.paths.fresh);
  pools.configure(new Map([['tank/one', 2]]));
  await expect.poll(fresh).toHaveLength(2);
  const before = fresh();
  pools.reopen();
  await expect.poll(() => fresh().filter((id) => !before.includes(id))).toHaveLength(2);
  expect(fresh()).toHaveLength(2);
  ending.abort();
  await pools.done();
});
