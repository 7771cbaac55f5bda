import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { destroyUnheld } from '../../../src/pool/lease/destroy-unheld.ts';
import { keepLease, takeSession } from '../../../src/pool/lease/keep.ts';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import { destroyClones } from '../../../src/upkeep/destroy-clones.ts';
import { refresh } from '../../../src/upkeep/refresh.ts';
import { emptyTally } from '../../../src/upkeep/tally.ts';
import { makeDirectorySubject, openSubject } from '../../rig/pool-subject.ts';

async function openWith(clock: () => number = Date.now): Promise<Pool> {
  const { subject, end } = await makeDirectorySubject();
  onTestFinished(end);
  const pool = await openSubject(subject, { clock });
  await refresh(pool, { count: 1 });
  return pool;
}

const withDriver = (pool: Pool, driver: Partial<Pool['driver']>): Pool => ({ ...pool, driver: { ...pool.driver, ...driver } });

test('a refresh does not wait for a clock that was set back by an hour while a clone was busy', async () => {
  let nowMs = Date.now();
  const pool = await openWith(() => nowMs);
  const error = new IsolateError('dataset-busy', 'It is in use.');
  const busy = withDriver(pool, {
    destroy: async (refs) => refs.map(({ id }) => ({ id, outcome: 'busy', error })),
    holders: async () => {
      nowMs -= 3_600_000;
      return [];
    },
    capabilities: { ...pool.driver.capabilities, busyDetection: true },
  });
  const tally = emptyTally();
  const control = {
    goingOn: (): void => {},
    serve: async (): Promise<void> => {},
    force: false,
    skipHolders: false,
    waiting: (): number => 0,
    onProgress: undefined,
    onDestroyed: undefined,
  };
  const clones = await pool.driver.list();
  await destroyClones(busy, clones, tally, control);
  expect([...tally.busy.keys()]).toEqual(clones.map(({ id }) => id));
});

test('a clone is not destroyed while nobody can tell who uses it', async () => {
  const pool = await openWith();
  const clones = await pool.driver.list();
  const blind = withDriver(pool, {
    capabilities: { ...pool.driver.capabilities, busyDetection: false },
    holders: async () => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    },
  });
  const results = await destroyUnheld(blind, clones);
  expect(results).toEqual(clones.map(({ id }) => ({ id, outcome: 'busy', error: expect.any(IsolateError) as IsolateError })));
  expect(await pool.driver.list()).toHaveLength(1);
});

test('a session that the storage could not be asked about can be entered as soon as it answers', async () => {
  const pool = await openWith();
  const lease = await leaseClone(pool, { waitMs: 0 });
  const clone = (await pool.driver.list()).find(({ id }) => id === lease.id);
  if (clone === undefined) throw new Error('The clone of a lease is not listed.');
  await keepLease(pool, lease.id, clone, 'text');
  // As after a restart of the host.
  for (const directory of [pool.paths.leased, pool.paths.kept, pool.paths.fresh]) rmSync(directory, { recursive: true });
  const again = await openSubject({ kind: 'directory', template: pool.template, runtime: join(pool.runtime.root), pooled: true });
  const silent = withDriver(again, {
    list: async () => {
      throw new IsolateError('tool-timeout', 'zfs did not end.');
    },
  });
  const session = { ...clone, owners: null };
  await expect(takeSession(silent, session)).rejects.toMatchObject({ code: 'tool-timeout' });
  expect(await takeSession(again, session)).toMatchObject({ id: clone.id });
});

test('a wait for a clone ends by itself where the directory cannot be watched', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-wait-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const script = `
    const { waitForChange } = await import(process.argv[1]);
    const { openSync } = await import('node:fs');
    try { for (;;) openSync('/dev/null', 'r'); } catch {}
    await waitForChange(process.argv[2], 10);
    process.exit(7);`;
  const wait = join(import.meta.dirname, '../../../src/pool/lease/wait.ts');
  const words = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script, wait, directory];
  const ended = await promisify(execFile)('sh', words).catch((error: { code?: number; stderr?: string }) => [error.code, error.stderr]);
  expect(ended).toEqual([7, '']);
});
