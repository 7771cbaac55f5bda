import { readdirSync, readFileSync } from 'node:fs';

import type { ErrorCode } from '../error.ts';

/** Observed durations. `counts[i]` counts those up to `bounds[i]` seconds and above the previous bound; the last has no bound. */
export interface Histogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** One pool's clones by state, now. */
export interface PoolLevels {
  readonly template: string;
  /** How many fresh clones are wanted. */
  readonly count: number;
  readonly fresh: number;
  readonly leased: number;
  readonly retired: number;
  readonly making: number;
}

/** What the daemon's process uses, now. */
export interface ProcessFacts {
  readonly residentBytes: number;
  readonly openDescriptors: number;
  readonly cpuSeconds: number;
  /** Seconds since 1970. */
  readonly startSeconds: number;
}

/** Everything that the metrics socket reports. Counters start with the daemon. */
export interface MetricsSnapshot {
  readonly leaseSeconds: Histogram;
  readonly refreshSeconds: Histogram;
  readonly destroySeconds: Histogram;
  readonly leases: ReadonlyMap<string, number>;
  readonly failures: ReadonlyMap<ErrorCode, number>;
  readonly refusals: ReadonlyMap<ErrorCode, number>;
  readonly pools: readonly PoolLevels[];
  readonly process: ProcessFacts;
  /** Whether the settings in use are those in the files. */
  readonly configValid: boolean;
}

/** Records what happens. Durations are in milliseconds here and in seconds in the snapshot. */
export interface Metrics {
  /** A clone was leased this long after the request. */
  readonly leased: (template: string, durationMs: number) => void;
  readonly refreshed: (durationMs: number) => void;
  /** A batch of clones was destroyed. */
  readonly destroyed: (durationMs: number) => void;
  /** The daemon itself failed at something. */
  readonly failed: (code: ErrorCode) => void;
  /** A client was refused. */
  readonly refused: (code: ErrorCode) => void;
  readonly snapshot: (pools: readonly PoolLevels[], facts?: ProcessFacts) => Omit<MetricsSnapshot, 'configValid'>;
}

const leaseBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const storageBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Metrics that are all zero. */
export function createMetrics(): Metrics {
  const leases = new Map<string, number>();
  const failures = new Map<ErrorCode, number>();
  const refusals = new Map<ErrorCode, number>();
  const lease = createHistogram(leaseBounds);
  const refresh = createHistogram(storageBounds);
  const destroy = createHistogram(storageBounds);
  return {
    leased: (template, durationMs) => {
      count(leases, template);
      lease.observe(durationMs);
    },
    refreshed: refresh.observe,
    destroyed: destroy.observe,
    failed: (code) => count(failures, code),
    refused: (code) => count(refusals, code),
    snapshot: (pools, facts = readProcessFacts()) => ({
      leaseSeconds: lease.snapshot(),
      refreshSeconds: refresh.snapshot(),
      destroySeconds: destroy.snapshot(),
      leases: new Map(leases),
      failures: new Map(failures),
      refusals: new Map(refusals),
      pools,
      process: facts,
    }),
  };
}

function count<Key>(counters: Map<Key, number>, key: Key): void {
  counters.set(key, (counters.get(key) ?? 0) + 1);
}

function createHistogram(bounds: readonly number[]): { observe: (durationMs: number) => void; snapshot: () => Histogram } {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  let sum = 0;
  return {
    observe: (durationMs) => {
      const seconds = durationMs / 1000;
      const index = bounds.findIndex((bound) => seconds <= bound);
      const place = index === -1 ? bounds.length : index;
      counts[place] = (counts[place] ?? 0) + 1;
      sum += seconds;
    },
    snapshot: () => ({ bounds, counts: [...counts], sum }),
  };
}

function readProcessFacts(): ProcessFacts {
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: process.memoryUsage.rss(),
    // One of them belongs to this reading itself.
    openDescriptors: readdirSync('/proc/self/fd').length - 1,
    cpuSeconds: (user + system) / 1e6,
    startSeconds: startSeconds(),
  };
}

/** From the kernel's boot time and our start in ticks, so that the value does not drift. */
function startSeconds(): number {
  const bootSeconds = Number(/^btime ([0-9]+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0);
  const fields = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  // Clock ticks are hundredths of a second wherever Linux shows them (USER_HZ).
  return bootSeconds + Number(fields[19] ?? 0) / 100;
}
