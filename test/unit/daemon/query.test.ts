import { expect, test } from 'vitest';

import type { Connection } from '../../../src/daemon/connection.ts';
import type { MaintainedPool } from '../../../src/daemon/pools.ts';
import { createQueries, type QueryServices } from '../../../src/daemon/query.ts';
import type { Peer } from '../../../src/daemon/peer.ts';

test('a user who gives each connection groups of its own has the state read no more often', async () => {
  let read = 0;
  const services = {
    status: { runs: () => ((read += 1), { runs: [] }) },
    pools: () => ['tank/a', 'tank/b'].map((template) => ({ template }) as MaintainedPool),
    // The groups with even numbers may use tank/b.
    maySee: ({ groups }: Peer, template: string) => template === 'tank/a' || groups.some((gid) => gid % 2 === 0),
  } as unknown as QueryServices;
  const { handle } = createQueries(services);
  const message = { name: 'query', items: [{ name: 'query', value: 'ps' }] } as const;
  const ask = (gid: number): Promise<void> => {
    const peer = { uid: 1000, gid: 1000, rights: 'user', groups: [gid], pid: 1, holder: null };
    return handle({ peer, send: () => {} } as unknown as Connection, message);
  };
  await Promise.all(Array.from({ length: 100 }, (_, index) => ask(index)));
  expect(read).toBe(2);
});
