import { rmSync } from 'node:fs';

import { expect, test } from 'vitest';

import { waitForLock } from '../../../src/pool/claims/lock.ts';
import { open, refresh, useTemplate } from '../../rig/pool-harness.ts';

useTemplate();

test('a refresh that waits for another names its process after a second, and goes on when that has ended', async () => {
  const pool = open();
  const other = await waitForLock(pool.paths.lock, pool.holder, { waitMs: 0 });
  const told = Promise.withResolvers<string>();
  const refreshed = refresh(pool, { count: 1, onWaiting: told.resolve });
  expect(await told.promise).toBe(`waiting for another refresh of ${pool.template} (process ${process.pid})`);
  await other.release();
  expect((await refreshed).created).toBe(1);
});

test('a refresh gives up waiting for another after its time, and names its process and not a file', async () => {
  const pool = open();
  const other = await waitForLock(pool.paths.lock, pool.holder, { waitMs: 0 });
  await expect(refresh(pool, { lockWaitMs: 0 })).rejects.toMatchObject({
    code: 'pool-locked',
    message: `Another refresh of ${pool.template} (process ${process.pid}) did not end within 0 s.`,
  });
  await other.release();
});

test('a refresh goes on when the one that it waited for has removed the directories of the pool', async () => {
  const pool = open();
  await waitForLock(pool.paths.lock, pool.holder, { waitMs: 0 });
  const told = Promise.withResolvers<string>();
  const refreshed = refresh(pool, { count: 1, onWaiting: told.resolve });
  await told.promise;
  // The lock goes with its directory: a refresh that was let go on first would write into what is being removed.
  rmSync(pool.paths.directory, { recursive: true });
  expect((await refreshed).created).toBe(1);
});
