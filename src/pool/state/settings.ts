import { readFileSync } from 'node:fs';
import type { Pool, PoolFiles } from '../pool.ts';
import { isCloneId } from './state-file.ts';
import { writeWhole } from './transition.ts';

/** What a pool remembers between refreshes. */
export interface PoolSettings {
  /** How many fresh clones there should be; null: nobody said yet. */
  readonly count: number | null;
  /** The highest id given so far. */
  readonly lastId: bigint;
}

const idsPerMs = 10_000_000n;
const settingsText = /^count=(-|[0-9]{1,4}) lastId=([0-9]{1,20})\n$/;

/** The settings; those of a new pool where there are none or they cannot be read. */
export function readSettings(pool: PoolFiles): PoolSettings {
  let text: string;
  try {
    text = readFileSync(pool.paths.settings, 'utf8');
  } catch {
    text = '';
  }
  const [, count, lastId] = settingsText.exec(text) ?? [];
  if (count === undefined || lastId === undefined) return { count: null, lastId: 0n };
  return { count: count === '-' ? null : Number(count), lastId: BigInt(lastId) };
}

/** Only under the pool's lock. */
export function writeSettings(pool: Pool, settings: PoolSettings): void {
  writeWhole(pool, pool.paths.settings, `count=${settings.count ?? '-'} lastId=${settings.lastId}\n`);
}

/**
 * Takes `count` ids that no clone has or had: rising numbers that begin with the time, so that one who names a dataset
 * by hand does not meet them. Only under the pool's lock.
 */
export function takeIds(pool: Pool, count: number, usedIds: Iterable<string>): string[] {
  const settings = readSettings(pool);
  let last = settings.lastId;
  for (const id of usedIds) if (isCloneId(id) && BigInt(id) > last) last = BigInt(id);
  const earliest = BigInt(Math.floor(pool.clock())) * idsPerMs;
  const first = last < earliest ? earliest : last + 1n;
  writeSettings(pool, { ...settings, lastId: first + BigInt(count - 1) });
  return Array.from({ length: count }, (_, index) => String(first + BigInt(index)));
}

/** An id for a clone that is made without the lock, in the same form. */
export function randomId(pool: Pool): string {
  return String(BigInt(Math.floor(pool.clock())) * idsPerMs + BigInt(Math.floor(Math.random() * Number(idsPerMs))));
}
