import { spawnSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { adoptLeases } from '../../../src/daemon/adopt.ts';
import type { KeptPool } from '../../../src/daemon/pools.ts';
import { type HolderId, readOwnHolder } from '../../../src/pool/holder.ts';
import { claimRun } from '../../../src/pool/runs.ts';
import { formatLeaseName } from '../../../src/pool/state-file.ts';
import { makeFreshClones } from '../../rig/fresh-clones.ts';

test('the clone of a holder that died while no daemon ran is its user’s, and that of one that lives counts', () => {
  const clones = makeFreshClones();
  const ending = new AbortController();
  onTestFinished(() => (ending.abort(), clones.end()));
  const living = readOwnHolder();
  const dead: HolderId = { ...living, pid: spawnSync('true').pid };
  const [first = '', second = ''] = clones.make(2);
  const lease = (id: string, holder: HolderId, uid: number): void => {
    renameSync(join(clones.pool.paths.fresh, id), join(clones.pool.paths.leased, formatLeaseName(id, holder)));
    claimRun(clones.pool.runtime, { template: 'tank/one', clone: id, engine: 'bwrap', command: ['x'], uid, sinceMs: 0 }, holder);
  };
  lease(first, dead, 1000);
  lease(second, living, 1001);
  let pools: readonly KeptPool[] = [];
  const retired: unknown[] = [];
  const counted: number[] = [];
  const look = adoptLeases(
    {
      pools: () => pools,
      leases: { holds: () => false },
      count: (uid) => (counted.push(uid), () => {}),
      onRetired: (...what) => retired.push(what),
    },
    ending.signal,
  );
  expect({ retired, counted }).toEqual({ retired: [], counted: [] });
  pools = [{ template: 'tank/one', pool: clones.pool, ring: () => {} } as unknown as KeptPool];
  look();
  expect({ retired, counted }).toEqual({ retired: [['tank/one', first, 1000]], counted: [1001] });
});
