import { spawnSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { adoptLeases } from '../../../src/daemon/adopt.ts';
import type { MaintainedPool } from '../../../src/daemon/pools.ts';
import { type HolderId, readOwnHolder } from '../../../src/pool/holder.ts';
import { claimRun } from '../../../src/pool/claims/runs.ts';
import { formatLeaseName } from '../../../src/pool/state/state-file.ts';
import { type FreshClones, makeFreshClones } from '../../rig/fresh-clones.ts';

/** Leases one of the fresh clones for a command of the user's. */
function lease({ pool }: FreshClones, id: string, holder: HolderId, uid: number): void {
  renameSync(join(pool.paths.fresh, id), join(pool.paths.leased, formatLeaseName(id, holder)));
  claimRun(pool.runtime, { template: 'tank/one', clone: id, engine: 'bwrap', command: ['x'], uid, sinceMs: 0 }, holder);
}

test('the clone of a holder that died while no daemon ran is its user’s, and that of one that lives counts', () => {
  const clones = makeFreshClones();
  const ending = new AbortController();
  onTestFinished(() => (ending.abort(), clones.end()));
  const living = readOwnHolder();
  const dead: HolderId = { ...living, pid: spawnSync('true').pid };
  const [first = '', second = ''] = clones.make(2);
  lease(clones, first, dead, 1000);
  lease(clones, second, living, 1001);
  let pools: readonly MaintainedPool[] = [];
  const retired: unknown[] = [];
  const counted: number[] = [];
  const adoption = adoptLeases(
    {
      pools: () => pools,
      leases: { holds: () => false },
      count: (uid) => (counted.push(uid), () => {}),
      onRetired: (...what) => retired.push(what),
    },
    ending.signal,
  );
  expect({ retired, counted }).toEqual({ retired: [], counted: [] });
  pools = [{ template: 'tank/one', pool: clones.pool, ring: () => {} } as unknown as MaintainedPool];
  adoption.look();
  expect({ retired, counted }).toEqual({ retired: [['tank/one', first, 1000]], counted: [1001] });
});

test('the clone of a holder that died is its user’s too when a refresh notices it first', () => {
  const clones = makeFreshClones();
  const ending = new AbortController();
  onTestFinished(() => (ending.abort(), clones.end()));
  const [adopted = '', unseen = '', held = ''] = clones.make(3);
  const living = readOwnHolder();
  lease(clones, adopted, living, 1000);
  const retired: unknown[] = [];
  const adoption = adoptLeases(
    {
      pools: () => [{ template: 'tank/one', pool: clones.pool, ring: () => {} } as unknown as MaintainedPool],
      leases: { holds: (_, id) => id === held },
      count: () => () => {},
      onRetired: (...what) => retired.push(what),
    },
    ending.signal,
  );
  const dead: HolderId = { ...living, pid: spawnSync('true').pid };
  lease(clones, unseen, dead, 1002);
  for (const [id, holder] of [
    [adopted, living],
    [unseen, dead],
    [held, dead],
  ] as const) {
    adoption.retired(clones.pool, { id, name: formatLeaseName(id, holder), holder, alive: false });
  }
  expect(retired).toEqual([
    ['tank/one', adopted, 1000],
    ['tank/one', unseen, 1002],
  ]);
});
