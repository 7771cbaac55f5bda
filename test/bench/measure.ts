import type { Candidate, Stopwatch, Timing } from './stopwatch.ts';

/** What many runs of one command come to. */
export interface Summary {
  readonly runs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly leastMs: number;
  /** Median of the processor time. */
  readonly cpuMs: number;
  readonly peakKib: number;
}

/** Rounds that do not count. */
export const warmUp = 2;

/** A command, or what makes the one of each round. */
export type Command = Omit<Candidate, 'name'> | (() => Omit<Candidate, 'name'>);

export interface MeasureOptions {
  readonly rounds: number;
  /** Awaited before every round. */
  readonly settle?: () => Promise<void>;
}

/**
 * Runs the candidates in turn, `rounds` times after those that do not count, so that what disturbs the machine for a
 * while disturbs all alike.
 */
export async function measure<Name extends string>(
  stopwatch: Stopwatch,
  candidates: Readonly<Record<Name, Command>>,
  { rounds, settle }: MeasureOptions,
): Promise<Record<Name, Summary>> {
  const timings = new Map<string, Timing[]>(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 0; round < warmUp + rounds; round += 1) {
    await settle?.();
    for (const [name, command] of Object.entries<Command>(candidates)) {
      const timing = stopwatch({ name, ...(typeof command === 'function' ? command() : command) });
      if (round >= warmUp) timings.get(name)?.push(timing);
    }
  }
  return Object.fromEntries([...timings].map(([name, all]) => [name, summarize(all)])) as Record<Name, Summary>;
}

export function summarize(timings: readonly Timing[]): Summary {
  const walls = timings.map(({ wallMs }) => wallMs);
  return {
    runs: timings.length,
    medianMs: median(walls),
    p99Ms: quantile(walls, 0.99),
    leastMs: Math.min(...walls),
    cpuMs: median(timings.map(({ cpuMs }) => cpuMs)),
    peakKib: Math.max(...timings.map(({ peakKib }) => peakKib)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The least value that so large a share of all are not above; of fewer than 100 values the 0.99 quantile is the largest. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
