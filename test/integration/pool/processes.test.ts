import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import { refresh } from '../../../src/upkeep/refresh.ts';
import type { RefreshReport } from '../../../src/upkeep/report.ts';
import { untilFree } from '../../rig/refresher.ts';
import { canRunZfs, makeDirectorySubject, makeZfsSubjects, openSubject, readSubject, startWorker } from '../../rig/pool-subject.ts';
import type { OwnedSubject } from '../../rig/pool-subject.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';

const leaseSteps = ['lease:before-rename:1', 'lease:renamed:1', 'release:before-rename:1', 'release:renamed:1'];
const makeSteps = ['driver:made:1', 'driver:marked:1', 'lease:made:1'];
const refreshSteps = [
  'refresh:locked:1',
  'refresh:settled:1',
  'refresh:before-destroy:1',
  'refresh:destroyed:1',
  'refresh:before-create:1',
  'write:written:1',
  'write:written:2',
  'write:written:3',
  'driver:made:1',
  'driver:marked:1',
  'driver:marked:2',
  'refresh:created:1',
  'refresh:published:1',
  'refresh:pass-done:1',
];
const ownSteps = [
  'lease:announced:1',
  'driver:made:1',
  'driver:marked:1',
  'write:written:1',
  'write:written:2',
  'release:before-destroy:1',
  'release:destroyed:1',
];

let owned: OwnedSubject;
afterEach(() => owned.end());

describe('a pool of copied directories', () => {
  beforeEach(async () => {
    owned = await makeDirectorySubject();
  });

  test('serves 60 processes at once from 5 clones while it is refreshed, and no clone twice', { timeout: 240_000 }, () => serveMany(60));

  test.each(leaseSteps)('is whole after a refresh when a run was killed at %s', (step) => killedRun(step, 3));
  test.each(makeSteps)('is whole after a refresh when a run that made its own clone was killed at %s', (step) => killedRun(step, 0));
  test.each(refreshSteps)('is whole after a refresh when one was killed at %s', killedRefresh);

  test('has its runs killed at random and is whole after one refresh', async () => {
    const pool = await openSubject(owned.subject);
    await refresh(pool, { count: 5 });
    const workers = Array.from({ length: 12 }, () => startWorker(owned.subject, 'hold'));
    for (const worker of workers) {
      await worker.line;
      process.kill(worker.pid, 'SIGKILL');
    }
    await Promise.all(workers.map(({ ended }) => ended));
    const report = await refresh(pool);
    const state = await readSubject(pool);
    expect({ failed: report.failed, leased: state.leased, retired: state.retired, fresh: state.fresh.length }).toEqual({
      failed: [],
      leased: [],
      retired: [],
      fresh: 5,
    });
    expect(state.clones).toEqual(state.fresh);
  });
});

describe('storage without a pool', () => {
  beforeEach(async () => {
    owned = await makeDirectorySubject(false);
  });

  test.each(ownSteps)('is cleaned up by a refresh when a run was killed at %s', async (step) => {
    const killed = await startWorker(owned.subject, 'run', step).ended;
    expect({ signal: killed.signal, errors: killed.errors }).toEqual({ signal: 'SIGKILL', errors: '' });
    const pool = await openSubject(owned.subject, { clock: () => Date.now() + 61_000 });
    await refresh(pool, { count: 0 });
    expect(await readSubject(pool)).toEqual({ clones: [], fresh: [], leased: [], retired: [] });
  });

  test('serves 20 processes at once and keeps nothing', async () => {
    const pool = await openSubject(owned.subject);
    const results = await Promise.all(Array.from({ length: 20 }, () => startWorker(owned.subject, 'run').ended));
    expect(results.map(({ exitCode, errors }) => ({ exitCode, errors }))).toEqual(results.map(() => ({ exitCode: 0, errors: '' })));
    expect(await readSubject(pool)).toEqual({ clones: [], fresh: [], leased: [], retired: [] });
  });
});

describe.skipIf(!canRunZfs)('a pool on zfs-fuse', () => {
  let subjects: Awaited<ReturnType<typeof makeZfsSubjects>>;
  beforeAll(async () => {
    subjects = await makeZfsSubjects();
  });
  beforeEach(async () => {
    owned = await subjects.makeSubject();
  });
  afterAll(() => subjects.end());

  test('serves 20 processes at once from 5 clones while it is refreshed, and no clone twice', { timeout: 240_000 }, () => serveMany(20));

  test('is remade after a restart of zfs-fuse, and no old mount stays', async () => {
    const pool = await openSubject(owned.subject);
    await refresh(pool, { count: 2 });
    const before = await readSubject(pool);
    await subjects.restart();
    await expect(leaseClone(pool, { waitMs: 0 })).rejects.toMatchObject({ code: 'no-free-clone' });
    const { busy } = await refresh(pool, { count: 2, force: true });
    if (busy.length > 0) await untilFree(() => refresh(pool));
    const lease = await leaseClone(pool, { waitMs: 0 });
    writeFileSync(join(placeOf(lease.rootfs), 'used'), '');
    await lease.release();
    await untilFree(() => refresh(pool));
    const after = await readSubject(pool);
    expect(after.clones.filter((id) => before.clones.includes(id))).toEqual([]);
    expect({ fresh: after.fresh, retired: after.retired, mounts: readdirSync(pool.paths.mounts).sort() }).toEqual({
      fresh: after.clones,
      retired: [],
      mounts: after.clones,
    });
  });

  test.each(['refresh:before-create:1', 'refresh:created:1', 'refresh:published:2', 'refresh:destroyed:1'])(
    'is whole after a refresh when one was killed at %s',
    killedRefresh,
  );
});

/** Every process gets a clone of its own; in the end there are 5 fresh ones and nothing else. */
async function serveMany(count: number): Promise<void> {
  const pool = await openSubject(owned.subject);
  await refresh(pool, { count: 5 });
  let running = true;
  const refreshing = (async () => {
    while (running) {
      const result = await startWorker(owned.subject, 'refresh').ended;
      expect({ exitCode: result.exitCode, errors: result.errors }).toEqual({ exitCode: 0, errors: '' });
    }
  })();
  const results = await Promise.all(Array.from({ length: count }, () => startWorker(owned.subject, 'run').ended));
  running = false;
  await refreshing;
  expect(results.map(({ exitCode, errors }) => ({ exitCode, errors }))).toEqual(results.map(() => ({ exitCode: 0, errors: '' })));
  expect(new Set(results.map(({ output }) => output)).size).toBe(count);
  await expectWhole(5);
}

async function killedRun(step: string, clones: number): Promise<void> {
  const pool = await openSubject(owned.subject);
  await refresh(pool, { count: clones });
  const killed = await startWorker(owned.subject, 'run', step).ended;
  expect({ signal: killed.signal, errors: killed.errors }).toEqual({ signal: 'SIGKILL', errors: '' });
  await expectWhole(clones);
}

async function killedRefresh(step: string): Promise<void> {
  const pool = await openSubject(owned.subject);
  await refresh(pool, { count: 3 });
  for (const run of [startWorker(owned.subject, 'run'), startWorker(owned.subject, 'run')]) {
    const { exitCode, errors } = await run.ended;
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: '' });
  }
  const killed = await startWorker(owned.subject, 'refresh', step).ended;
  expect({ signal: killed.signal, errors: killed.errors }).toEqual({ signal: 'SIGKILL', errors: '' });
  await expectWhole(3);
}

/**
 * One refresh later, or as many as zfs-fuse takes to end its unmounts; also seen by a clock for which what a crash left is old enough to be
 * garbage.
 */
async function expectWhole(count: number): Promise<void> {
  const pool = await openSubject(owned.subject, { clock: () => Date.now() + 61_000 });
  const refreshOnce = async (): Promise<RefreshReport> => {
    const report = await refresh(pool);
    expect(report.failed).toEqual([]);
    return report;
  };
  const { busy, fresh } = await (owned.subject.kind === 'zfs' ? untilFree(refreshOnce) : refreshOnce());
  expect({ busy, fresh }).toEqual({ busy: [], fresh: count });
  const state = await readSubject(pool);
  expect({ ...state, fresh: state.fresh.length }).toEqual({ clones: state.fresh, fresh: count, leased: [], retired: [] });
  const mounted = readdirSync(pool.paths.mounts).sort();
  expect(mounted).toEqual(owned.subject.kind === 'zfs' ? state.fresh : []);
  const leftovers = readdirSync(pool.paths.directory).filter((name) => name.startsWith('lock'));
  expect(leftovers).toEqual([]);
}
