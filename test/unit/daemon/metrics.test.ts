import { expect, test } from 'vitest';

import { createMetrics } from '../../../src/daemon/metrics.ts';

const facts = { residentBytes: 1, openDescriptors: 2, cpuSeconds: 3, startSeconds: 4 };

test('what happens is counted by template and by code', () => {
  const metrics = createMetrics();
  metrics.leased('tank/a', 1);
  metrics.leased('tank/b', 3);
  metrics.leased('tank/a', 60_000);
  metrics.failed('storage-failed');
  metrics.refused('quota-exceeded');
  metrics.refused('quota-exceeded');
  const { leases, failures, refusals, leaseSeconds } = metrics.snapshot([], facts);
  expect({ leases: [...leases], failures: [...failures], refusals: [...refusals] }).toEqual({
    leases: [
      ['tank/a', 2],
      ['tank/b', 1],
    ],
    failures: [['storage-failed', 1]],
    refusals: [['quota-exceeded', 2]],
  });
  expect(leaseSeconds.sum).toBeCloseTo(60.004, 9);
});

test('a duration counts up to the bound that it does not exceed, and beyond all bounds at the end', () => {
  const metrics = createMetrics();
  for (const durationMs of [0, 5, 5.001, 60_000, 60_001]) metrics.refreshed(durationMs);
  const { bounds, counts } = metrics.snapshot([], facts).refreshSeconds;
  const filled = counts.flatMap((count, index) => (count === 0 ? [] : [[bounds[index] ?? 'beyond', count]]));
  expect(filled).toEqual([
    [0.005, 2],
    [0.01, 1],
    [60, 1],
    ['beyond', 1],
  ]);
});

test('a snapshot does not change when more happens', () => {
  const metrics = createMetrics();
  metrics.destroyed(10);
  const before = metrics.snapshot([], facts);
  const kept: typeof before = structuredClone(before);
  metrics.destroyed(10);
  metrics.leased('tank/a', 1);
  metrics.failed('internal');
  expect(before).toEqual(kept);
});

test('the facts of the process are those of this one', () => {
  const { process: own } = createMetrics().snapshot([]);
  expect(own.residentBytes).toBeGreaterThan(10 * 2 ** 20);
  expect(own.openDescriptors).toBeGreaterThan(2);
  expect(own.cpuSeconds).toBeGreaterThan(0);
  // btime is a whole second, and Node counts from when it has begun.
  expect(Math.abs(own.startSeconds - (Date.now() / 1000 - process.uptime()))).toBeLessThan(20);
});
