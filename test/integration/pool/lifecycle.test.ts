import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import { readLastRefresh } from '../../../src/pool/state/last-refresh.ts';
import { createPoolStatusReader } from '../../../src/status/pool-status.ts';
import { clonePath, clones, directory, made, number, open, path, refresh, states, useTemplate } from '../../rig/pool-harness.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';

useTemplate();

describe('a pool', () => {
  test('is brought to its size, and a second refresh has nothing to do', async () => {
    const pool = open();
    const first = await refresh(pool, { count: 3 });
    expect({ ...first, durationMs: 0 }).toEqual({
      template: pool.driver.template,
      source: '1',
      leftOut: [],
      gone: false,
      count: 3,
      destroyed: 0,
      created: 3,
      fresh: 3,
      leased: 0,
      stale: 0,
      kept: [],
      sessions: [],
      busy: [],
      failed: [],
      notCreated: null,
      durationMs: 0,
    });
    const second = await refresh(pool);
    expect({ count: second.count, created: second.created, destroyed: second.destroyed }).toEqual({ count: 3, created: 0, destroyed: 0 });
    expect(states(pool)).toEqual({ fresh: [1, 2, 3], leased: [], retired: [] });
  });

  test('leases the oldest clone, retires it on release, and replaces it', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    expect(number(lease.id)).toBe(1);
    expect(readFileSync(join(placeOf(lease.rootfs), 'etc/release'), 'utf8')).toBe('one\n');
    expect(states(pool)).toEqual({ fresh: [2], leased: [1], retired: [] });
    expect(existsSync(pool.paths.signal)).toBe(false);
    await lease.release();
    await lease.release();
    expect(states(pool)).toEqual({ fresh: [2], leased: [], retired: [1] });
    expect(existsSync(pool.paths.signal)).toBe(true);
    const report = await refresh(pool);
    expect({ destroyed: report.destroyed, created: report.created }).toEqual({ destroyed: 1, created: 1 });
    expect(states(pool)).toEqual({ fresh: [2, 3], leased: [], retired: [] });
    expect(clones()).toEqual([2, 3]);
  });

  test('shrinks to its size, oldest first', async () => {
    const pool = open();
    await refresh(pool, { count: 3 });
    await refresh(pool, { count: 1 });
    expect(states(pool)).toEqual({ fresh: [3], leased: [], retired: [] });
    expect(clones()).toEqual([3]);
  });

  test('with --force has all fresh clones replaced, but not leased ones', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    await refresh(pool, { force: true });
    expect(states(pool)).toEqual({ fresh: [3, 4], leased: [1], retired: [] });
    expect(clones()).toEqual([1, 3, 4]);
    await lease.release();
  });

  test('retires the leases of dead holders, and reports each', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    await leaseClone(open({ holder: { ...pool.holder, pid: spawnSync('true').pid } }), { waitMs: 0 });
    const living = await leaseClone(pool, { waitMs: 0 });
    const retired: number[] = [];
    await refresh(pool, { onRetired: ({ id }) => retired.push(number(id)) });
    expect({ retired, states: states(pool) }).toEqual({ retired: [1], states: { fresh: [3, 4], leased: [2], retired: [] } });
    await living.release();
  });

  test('with --skip-create is only cleaned up', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    await (await leaseClone(pool, { waitMs: 0 })).release();
    const report = await refresh(pool, { skipCreate: true });
    expect({ destroyed: report.destroyed, created: report.created, source: report.source }).toEqual({
      destroyed: 1,
      created: 0,
      source: null,
    });
    expect(states(pool)).toEqual({ fresh: [2], leased: [], retired: [] });
  });

  test('without a fresh clone refuses at once when told not to wait', async () => {
    const pool = open();
    await refresh(pool, { count: 1 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    await expect(leaseClone(pool, { waitMs: 0 })).rejects.toMatchObject({
      code: 'no-free-clone',
      message: `No free clone of ${pool.driver.template} after 0 s (1 in use, 0 being made).`,
    });
    expect(existsSync(pool.paths.signal)).toBe(true);
    await lease.release();
  });

  test('without a fresh clone and a refresher lets the run make one', async () => {
    const pool = open();
    let waits = 0;
    const lease = await leaseClone(pool, { waitMs: 5000, onWait: () => (waits += 1) });
    expect({ number: number(lease.id), waits, states: states(pool) }).toEqual({
      number: 1,
      waits: 1,
      states: { fresh: [], leased: [1], retired: [] },
    });
    await lease.release();
  });

  test('keeps a clone that cannot be destroyed retired and names it', async () => {
    const pool = open();
    await refresh(pool, { count: 1 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    const marker = join(clonePath(1), 'busy');
    writeFileSync(marker, '');
    await lease.release();
    const report = await refresh(pool);
    expect(report.busy.map(({ id }) => number(id))).toEqual([1]);
    expect({ destroyed: report.destroyed, created: report.created, failed: report.failed }).toEqual({
      destroyed: 0,
      created: 1,
      failed: [],
    });
    rmSync(marker);
    expect((await refresh(pool, { force: true })).destroyed).toBe(2);
    expect(clones()).toEqual([3]);
  });

  test.each([
    ['empty', ''],
    ['truncated', '{"version":1,"id":"1","guid":"'],
    ['of a newer version', '{"version":2,"id":"1"}\n'],
    ['garbage', '\0\0\0\n'],
    [
      'of another clone',
      '{"version":1,"id":"9","guid":"x","source":"1","rootfs":{"path":"/","ownership":{"kind":"natural"},"idmappable":false},"createdMs":1,"device":1,"inode":1}\n',
    ],
  ])('never leases a clone whose state file is %s', async (_, text) => {
    const warnings: string[] = [];
    const pool = open({ warn: (message) => warnings.push(message) });
    await refresh(pool, { count: 2 });
    writeFileSync(path(pool, 'fresh', 1), text);
    const lease = await leaseClone(pool, { waitMs: 0 });
    expect(number(lease.id)).toBe(2);
    expect(warnings).toEqual([`Clone ${made[0]} of ${pool.driver.template} was retired unused: its state file cannot be trusted.`]);
    writeFileSync(join(pool.paths.fresh, 'x'), '');
    writeFileSync(join(pool.paths.leased, '7.1.2'), '');
    await refresh(pool);
    expect(states(pool)).toEqual({ fresh: [3, 4], leased: [2], retired: [] });
    expect(clones()).toEqual([2, 3, 4]);
  });

  test('drops state without a clone, and clones without state', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    rmSync(clonePath(1), { recursive: true });
    rmSync(path(pool, 'fresh', 2));
    await refresh(pool);
    expect(states(pool)).toEqual({ fresh: [3, 4], leased: [], retired: [] });
    expect(clones()).toEqual([3, 4]);
  });

  test('keeps clones of an older snapshot until told otherwise, says how many, and lets them go first', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    mkdirSync(join(directory, 'template/snapshots/2/etc'), { recursive: true });
    writeFileSync(join(directory, 'template/snapshots/2/etc/release'), 'two\n');
    const grown = await refresh(pool, { count: 3 });
    expect({ source: grown.source, created: grown.created, stale: grown.stale }).toEqual({ source: '2', created: 1, stale: 2 });
    const shrunk = await refresh(pool, { count: 1 });
    expect({ destroyed: shrunk.destroyed, stale: shrunk.stale, states: states(pool) }).toEqual({
      destroyed: 2,
      stale: 0,
      states: { fresh: [3], leased: [], retired: [] },
    });
  });

  test('on storage that is nearly full is cleaned up but not filled', async () => {
    await refresh(open(), { count: 2 });
    const pool = open({}, { freeFraction: 0.09 });
    await (await leaseClone(pool, { waitMs: 0 })).release();
    const report = await refresh(pool);
    expect({ destroyed: report.destroyed, created: report.created, notCreated: report.notCreated }).toEqual({
      destroyed: 1,
      created: 0,
      notCreated: `Only 9% of the storage of ${pool.driver.template} is free (10% is needed).`,
    });
  });

  test('cannot have a size that makes no sense', async () => {
    for (const count of [-1, 1001, 1.5, Number.NaN]) {
      await expect(refresh(open(), { count })).rejects.toMatchObject({ code: 'usage' });
    }
  });

  test('remembers the last refresh, even if it failed', async () => {
    const pool = open();
    expect(readLastRefresh(pool)).toBeNull();
    await refresh(pool, { count: 1 });
    expect(readLastRefresh(pool)).toMatchObject({ destroyed: 0, created: 1, error: null });
    const full = open({}, { freeFraction: 0.05 });
    await refresh(full, { count: 3 });
    expect(readLastRefresh(pool)?.error).toEqual({
      code: 'pool-full',
      message: `Only 5% of the storage of ${pool.driver.template} is free (10% is needed).`,
    });
    rmSync(join(directory, 'template/snapshots'), { recursive: true });
    mkdirSync(join(directory, 'template/snapshots'));
    await expect(refresh(pool)).rejects.toMatchObject({ code: 'template-without-snapshot' });
    expect(readLastRefresh(pool)).toMatchObject({ created: 0, error: { code: 'template-without-snapshot' } });
    writeFileSync(pool.paths.lastRefresh, '{"endedMs":"now"}\n');
    expect(readLastRefresh(pool)).toBeNull();
  });

  test('has a status', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    const late = await leaseClone(pool, { waitMs: 0 });
    writeFileSync(join(clonePath(2), 'busy'), '');
    await late.release();
    await refresh(pool);
    const status = await createPoolStatusReader({ pool, driver: pool.driver })([]);
    expect(status).toEqual({
      template: pool.driver.template,
      count: 2,
      fresh: 2,
      leased: 1,
      retired: 1,
      kept: [],
      making: 0,
      refreshing: false,
      source: '1',
      stale: 0,
      oldestFreshMs: expect.any(Number) as number,
      inUse: [
        {
          clone: lease.id,
          state: 'leased',
          uid: null,
          user: null,
          sinceMs: null,
          holders: [{ pid: process.pid, command: expect.any(String) as string }],
        },
        { clone: late.id, state: 'retired', uid: null, user: null, sinceMs: null, holders: [{ pid: 1, command: 'init' }] },
      ],
      lastRefresh: {
        endedMs: expect.any(Number) as number,
        durationMs: expect.any(Number) as number,
        destroyed: 0,
        created: 2,
        kept: [],
        error: null,
      },
      error: null,
    });
    await lease.release();
  });

  test.skipIf(process.getuid?.() !== 0)('has stray mounts and directories removed, but never a file', async () => {
    const warnings: string[] = [];
    const pool = open({ warn: (message) => warnings.push(message) });
    const [mounted, empty, full] = ['77', '78', '79'].map((name) => join(pool.paths.mounts, name));
    for (const path of [mounted, empty, full]) mkdirSync(path ?? '');
    execFileSync('/bin/mount', ['-t', 'tmpfs', 'tmpfs', mounted ?? ''], { timeout: 60_000 });
    writeFileSync(join(full ?? '', 'file'), '');
    await refresh(pool, { count: 0 });
    expect(readdirSync(pool.paths.mounts)).toEqual(['79']);
    expect(warnings).toEqual([`${full} belongs to no clone and cannot be removed.`]);
  });
});
