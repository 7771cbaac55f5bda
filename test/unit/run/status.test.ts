import { expect, test } from 'vitest';

import type { PoolStatus } from '../../../src/pool/status.ts';
import { describePools, describeRuns } from '../../../src/run/status.ts';

const run = { runId: '0', pid: 7, user: 'ann', template: 'tank/a', clone: '1', engine: 'bwrap', command: ['sh'], uid: 1000, sinceMs: 0 };
const others = { ...run, runId: '1', pid: 8, user: 'bob', uid: 1001, command: ['curl', '--user', 'secret'] };
const pool: PoolStatus = {
  template: 'tank/a',
  count: 2,
  fresh: 1,
  leased: 2,
  retired: 1,
  making: 0,
  refreshing: false,
  source: 'monday',
  stale: 0,
  oldestFreshMs: 0,
  inUse: [
    { clone: '1', state: 'leased', uid: 1000, user: 'ann', sinceMs: 0, holders: [{ pid: 7, command: 'sh' }] },
    { clone: '2', state: 'leased', uid: 1001, user: 'bob', sinceMs: 0, holders: [{ pid: 8, command: 'curl' }] },
    { clone: '3', state: 'retired', uid: null, user: null, sinceMs: null, holders: [{ pid: 9, command: 'vi' }] },
  ],
  lastRefresh: null,
  error: null,
};
const read = async (): Promise<PoolStatus> => Promise.resolve(pool);

test("root sees every command, others only their own users'", () => {
  expect(describeRuns([run, others], 0)).toEqual({ runs: [run, others] });
  expect(describeRuns([run, others], 1000)).toEqual({ runs: [run, { ...others, command: null }] });
});

test('the names of the commands that hold clones are as little known to others', async () => {
  expect(await describePools([read], [run, others], 0)).toEqual([pool]);
  const [seen] = await describePools([read], [run, others], 1000);
  expect(seen?.inUse.map(({ holders }) => holders)).toEqual([
    [{ pid: 7, command: 'sh' }],
    [{ pid: 8, command: null }],
    [{ pid: 9, command: null }],
  ]);
});
