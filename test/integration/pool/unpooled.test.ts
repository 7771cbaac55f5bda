import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readOwnHolder } from '../../../src/pool/holder.ts';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import { clonePath, clones, directory, made, number, open, refresh, states, useTemplate } from '../../rig/pool-harness.ts';

useTemplate();

describe('storage without a pool', () => {
  test('has a clone made for each run and destroyed after it', async () => {
    const pool = open({}, { capabilities: { pooled: false } });
    const lease = await leaseClone(pool, { waitMs: 0 });
    expect({ clones: clones(), states: states(pool) }).toEqual({ clones: [1], states: { fresh: [], leased: [1], retired: [] } });
    await lease.release();
    await lease.release();
    expect({ clones: clones(), states: states(pool) }).toEqual({ clones: [], states: { fresh: [], leased: [], retired: [] } });
  });

  test('has what an earlier boot left removed by the next run', async () => {
    const pool = open({}, { capabilities: { pooled: false } });
    await leaseClone(pool, { waitMs: 0 });
    rmSync(join(directory, 'run'), { recursive: true });
    const rebooted = open({}, { capabilities: { pooled: false } });
    const lease = await leaseClone(rebooted, { waitMs: 0 });
    expect(clones()).toHaveLength(2);
    await lease.release();
    expect({ clones: clones(), states: states(rebooted) }).toEqual({ clones: [], states: { fresh: [], leased: [], retired: [] } });
  });

  test('that does not notice users is asked for them before a clone is destroyed', async () => {
    const warnings: string[] = [];
    const driver = { capabilities: { pooled: false, busyDetection: false } };
    const abandoned = open({ holder: { ...readOwnHolder(), startTime: '1' } }, driver);
    await leaseClone(abandoned, { waitMs: 0 });
    clones();
    writeFileSync(join(clonePath(1), 'busy'), '');
    const pool = open({ warn: (message) => warnings.push(message) }, driver);
    await (await leaseClone(pool, { waitMs: 0 })).release();
    expect({ clones: clones(), states: states(pool), warnings }).toEqual({
      clones: [1],
      states: { fresh: [], leased: [], retired: [1] },
      warnings: [`Clone ${made[0]} of ${pool.driver.template} is still in use by process 1.`],
    });
    const held = await refresh(pool);
    expect(held.busy.map(({ id, holders }) => [number(id), holders])).toEqual([[1, [{ pid: 1, command: 'init' }]]]);
    rmSync(join(clonePath(1), 'busy'));
    expect({ ...(await refresh(pool, { force: true })), durationMs: 0 }).toMatchObject({ destroyed: 1, created: 0, busy: [], count: 0 });
    expect({ clones: clones(), states: states(pool) }).toEqual({ clones: [], states: { fresh: [], leased: [], retired: [] } });
  });
});
