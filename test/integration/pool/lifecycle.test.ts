import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leaseClone } from '../../../src/pool/lease.ts';
import { runtimePaths } from '../../../src/pool/paths.ts';
import { openPool } from '../../../src/pool/pool.ts';
import type { Pool, PoolOptions } from '../../../src/pool/pool.ts';
import { refresh as refreshPool } from '../../../src/pool/refresh.ts';
import type { RefreshOptions, RefreshReport } from '../../../src/pool/refresh.ts';
import { directoryDriver, makeDirectoryTemplate } from '../../rig/directory-driver.ts';
import type { DirectoryDriverOptions } from '../../rig/directory-driver.ts';

let directory: string;
/** Ids as made, in order: tests call the first one 1. */
let made: string[] = [];

beforeEach(() => {
  made = [];
  directory = mkdtempSync(join(tmpdir(), 'isolate-pool-'));
  makeDirectoryTemplate(join(directory, 'template'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(options: Partial<PoolOptions> = {}, driver: DirectoryDriverOptions = {}): Pool {
  return openPool({
    driver: directoryDriver(join(directory, 'template'), driver),
    runtime: runtimePaths(join(directory, 'run')),
    ...options,
  });
}

function number(id: string): number {
  if (!made.includes(id)) made.push(id);
  return made.indexOf(id) + 1;
}

function path(pool: Pool, state: 'fresh' | 'leased' | 'retired', clone: number): string {
  return join(pool.paths[state], made[clone - 1] ?? '');
}

function clonePath(clone: number): string {
  return join(directory, 'template/clones', made[clone - 1] ?? '');
}

function clones(): number[] {
  return readdirSync(join(directory, 'template', 'clones')).sort().map(number);
}

function states(pool: Pool): Record<string, number[]> {
  const { fresh, leased, retired } = pool.paths;
  const ids = (directoryPath: string): number[] => readdirSync(directoryPath).sort().map((name) => number(name.split('.')[0] ?? ''));
  return { fresh: ids(fresh), leased: ids(leased), retired: ids(retired) };
}

async function refresh(pool: Pool, options?: RefreshOptions): Promise<RefreshReport> {
  const report = await refreshPool(pool, options);
  clones();
  return report;
}

describe('a pool', () => {
  test('is brought to its size, and a second refresh has nothing to do', async () => {
    const pool = open();
    const first = await refresh(pool, { count: 3 });
    expect({ ...first, durationMs: 0 }).toEqual({
      template: pool.driver.template, source: '1', count: 3, destroyed: 0, created: 3, fresh: 3, leased: 0, stale: 0,
      busy: [], failed: [], notCreated: null, durationMs: 0,
    });
    const second = await refresh(pool);
    expect({ count: second.count, created: second.created, destroyed: second.destroyed }).toEqual({ count: 3, created: 0, destroyed: 0 });
    expect(states(pool)).toEqual({ fresh: [1, 2, 3], leased: [], retired: [] });
  });

  test('hands out the oldest clone, retires it on release, and replaces it', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    expect(number(lease.id)).toBe(1);
    expect(readFileSync(join(lease.rootfs.path, 'etc/release'), 'utf8')).toBe('one\n');
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

  test('with --skip-create is only cleaned up', async () => {
    const pool = open();
    await refresh(pool, { count: 2 });
    await (await leaseClone(pool, { waitMs: 0 })).release();
    const report = await refresh(pool, { skipCreate: true });
    expect({ destroyed: report.destroyed, created: report.created, source: report.source }).toEqual({ destroyed: 1, created: 0, source: null });
    expect(states(pool)).toEqual({ fresh: [2], leased: [], retired: [] });
  });

  test('without a fresh clone refuses at once when told not to wait', async () => {
    const pool = open();
    await refresh(pool, { count: 1 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    await expect(leaseClone(pool, { waitMs: 0 })).rejects.toMatchObject({
      code: 'no-free-clone',
      message: `no free clone of ${pool.driver.template} after 0 s (1 in use, 0 being made)`,
    });
    expect(existsSync(pool.paths.signal)).toBe(true);
    await lease.release();
  });

  test('without a fresh clone and without a refresher has the run make one', async () => {
    const pool = open();
    let waits = 0;
    const lease = await leaseClone(pool, { waitMs: 5000, onWait: () => (waits += 1) });
    expect([number(lease.id), waits, states(pool)]).toEqual([1, 1, { fresh: [], leased: [1], retired: [] }]);
    await lease.release();
  });

  test('whose clone will not go keeps it retired and names it', async () => {
    const pool = open();
    await refresh(pool, { count: 1 });
    const lease = await leaseClone(pool, { waitMs: 0 });
    const marker = join(clonePath(1), 'busy');
    writeFileSync(marker, '');
    await lease.release();
    const report = await refresh(pool);
    expect(report.busy.map(({ id }) => number(id))).toEqual([1]);
    expect({ destroyed: report.destroyed, created: report.created, failed: report.failed }).toEqual({ destroyed: 0, created: 1, failed: [] });
    rmSync(marker);
    expect((await refresh(pool, { force: true })).destroyed).toBe(2);
    expect(clones()).toEqual([3]);
  });

  test.each([
    ['empty', ''],
    ['truncated', '{"version":1,"id":"1","guid":"'],
    ['of a newer version', '{"version":2,"id":"1"}\n'],
    ['garbage', '\0\0\0\n'],
    ['of another clone', '{"version":1,"id":"9","guid":"x","source":"1","rootfs":{"path":"/","ownership":{"kind":"natural"},"idmappable":false},"createdMs":1,"device":1,"inode":1}\n'],
  ])('never hands out a clone whose state file is %s', async (_, text) => {
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

  test('of storage that keeps none makes a clone for each run and destroys it after', async () => {
    const pool = open({}, { capabilities: { pooled: false } });
    const lease = await leaseClone(pool, { waitMs: 0 });
    expect([clones(), states(pool)]).toEqual([[1], { fresh: [], leased: [1], retired: [] }]);
    await lease.release();
    await lease.release();
    expect([clones(), states(pool)]).toEqual([[], { fresh: [], leased: [], retired: [] }]);
  });
});
