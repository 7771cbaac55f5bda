import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { readOwnHolder } from '../../../src/pool/holder.ts';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import { countMaking } from '../../../src/pool/lease/make-clones.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import { countClaims, makeClaim } from '../../../src/pool/claims/claims.ts';
import type { StorageDriver } from '../../../src/storage/driver.ts';
import { directory, number, open, refresh, states, useTemplate } from '../../rig/pool-harness.ts';

useTemplate();

/** A driver of which one clone becomes ready when `next` is called, and all others after `free`. */
function slowDriver(): { readonly driver: StorageDriver; readonly next: () => void; readonly free: () => void } {
  const { driver } = open();
  const first = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  let made = 0;
  return {
    driver: {
      ...driver,
      create: async (source, ids, options) => {
        const results = [];
        for (const id of ids) {
          await (made === 0 ? first : others).promise;
          made += 1;
          const [result] = await driver.create(source, [id], options);
          if (result === undefined) continue;
          results.push(result);
          await options.onReady?.(result);
        }
        return results;
      },
    },
    next: first.resolve,
    free: others.resolve,
  };
}

/** A driver that writes down in which order clones are made and destroyed. */
function recordingDriver(order: string[]): StorageDriver {
  const { driver } = open();
  return {
    ...driver,
    create: async (source, ids, options) => {
      order.push(`make ${ids.length}`);
      return await driver.create(source, ids, options);
    },
    destroy: async (refs) => {
      order.push(`destroy ${refs.length}`);
      return await driver.destroy(refs);
    },
  };
}

async function retireOne(pool: Pool): Promise<void> {
  await (await leaseClone(pool, { waitMs: 0 })).release();
}

test('a clone can be taken as soon as it is ready, while the others of its batch are still being made', async () => {
  const { driver, next, free } = slowDriver();
  const pool = open({ driver });
  const refreshed = refresh(pool, { count: 3 });
  await expect.poll(() => countMaking(pool)).toBe(3);
  next();
  const lease = await leaseClone(pool, { waitMs: 30_000 });
  expect({ lease: number(lease.id), making: countMaking(pool) }).toEqual({ lease: 1, making: 2 });
  free();
  await refreshed;
  expect({ making: countMaking(pool), leased: states(pool)['leased'] }).toEqual({ making: 0, leased: [1] });
});

test('a run waits longer than it was told while clones are being made, and is told after a second how many are', async () => {
  const { driver, next, free } = slowDriver();
  const pool = open({ driver });
  const refreshed = refresh(pool, { count: 2 });
  await expect.poll(() => countMaking(pool)).toBe(2);
  const slow = Promise.withResolvers<number>();
  const leased = leaseClone(pool, { waitMs: 1, onSlow: slow.resolve });
  expect(await slow.promise).toBe(2);
  next();
  expect(number((await leased).id)).toBe(1);
  free();
  await refreshed;
});

test('if nobody makes clones, a run gives up when its time is over', async () => {
  const pool = open();
  // Another process has the lock, and makes none.
  writeFileSync(`${pool.paths.lock}.${process.ppid}.${readStartTime(process.ppid)}.${readOwnHolder().bootId}`, '');
  await expect(leaseClone(pool, { waitMs: 1 })).rejects.toMatchObject({
    code: 'no-free-clone',
    message: `No free clone of ${pool.driver.template} after 0 s (0 in use, 0 being made).`,
  });
  expect(countClaims(pool, 'waiting')).toBe(0);
});

test('clones for runs that wait are made before retired ones are destroyed, and the others after that', async () => {
  const order: string[] = [];
  const pool = open({ driver: recordingDriver(order) });
  await refresh(pool, { count: 2 });
  await retireOne(pool);
  await retireOne(pool);
  order.length = 0;
  const stopWaiting = makeClaim(pool, 'waiting');
  await refresh(pool, { count: 2 });
  stopWaiting();
  // Two are to be fresh, and a third is for the run.
  expect(order).toEqual(['make 1', 'destroy 2', 'make 2']);
  expect(states(pool)).toEqual({ fresh: [3, 4, 5], leased: [], retired: [] });
});

test('a run whose pool is removed while it waits is told so', async () => {
  const { driver, next, free } = slowDriver();
  const pool = open({ driver });
  const refreshed = refresh(pool, { count: 1 }).catch(() => undefined);
  await expect.poll(() => countMaking(pool)).toBe(1);
  const leased = leaseClone(pool, { waitMs: 60_000 });
  await expect.poll(() => countClaims(pool, 'waiting')).toBe(1);
  rmSync(pool.paths.directory, { recursive: true });
  await expect(leased).rejects.toMatchObject({
    code: 'state-unreadable',
    message: `The pool of ${pool.template} was removed while this run waited for a clone.`,
  });
  next();
  free();
  await refreshed;
});

test('a run that died while it waited is no longer served, and leaves nothing behind', async () => {
  const pool = open();
  const dead = { ...readOwnHolder(), startTime: '1' };
  makeClaim(open({ holder: dead }), 'waiting');
  expect(readdirSync(pool.paths.directory).filter((name) => name.startsWith('waiting.'))).toHaveLength(1);
  await refresh(pool, { count: 1 });
  expect(readdirSync(pool.paths.directory).filter((name) => name.startsWith('waiting.'))).toEqual([]);
  expect({ states: states(pool), making: existsSync(join(directory, 'run/pools', pool.paths.key, 'making')) }).toEqual({
    states: { fresh: [1], leased: [], retired: [] },
    making: false,
  });
});

/** Field 22 of proc_pid_stat(5). */
function readStartTime(pid: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
