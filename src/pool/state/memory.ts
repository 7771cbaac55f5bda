import { readFileSync } from 'node:fs';
import type { Pool, PoolFiles } from '../pool.ts';
import { isCloneId } from './state-file.ts';
import { writeWhole } from './transition.ts';

/** What a pool remembers between refreshes. */
export interface PoolMemory {
  /** How many fresh clones there should be; null: not set yet. */
  readonly count: number | null;
  /** The highest id given so far. */
  readonly lastId: bigint;
}

const idsPerMs = 10_000_000n;
const memoryText = /^count=(-|[0-9]{1,4}) lastId=([0-9]{1,20})\n$/;

/** What the pool remembers; that of a new pool if the file does not exist or cannot be read. */
export function readMemory(pool: PoolFiles): PoolMemory {
  let text: string;
  try {
    text = readFileSync(pool.paths.memory, 'utf8');
  } catch {
    text = '';
  }
  const [, count, lastId] = memoryText.exec(text) ?? [];
  if (count === undefined || lastId === undefined) return { count: null, lastId: 0n };
  return { count: count === '-' ? null : Number(count), lastId: BigInt(lastId) };
}

/** Only under the pool's lock. */
export function writeMemory(pool: Pool, memory: PoolMemory): void {
  writeWhole(pool, pool.paths.memory, `count=${memory.count ?? '-'} lastId=${memory.lastId}\n`);
}

/**
 * Takes `count` ids that no clone has or had: increasing numbers that begin with the time, so that nobody picks them when naming a
 * dataset by hand. Only under the pool's lock.
 */
export function takeIds(pool: Pool, count: number, usedIds: Iterable<string>): string[] {
  const memory = readMemory(pool);
  let last = memory.lastId;
  for (const id of usedIds) if (isCloneId(id) && BigInt(id) > last) last = BigInt(id);
  const earliest = BigInt(Math.floor(pool.clock())) * idsPerMs;
  const first = last < earliest ? earliest : last + 1n;
  writeMemory(pool, { ...memory, lastId: first + BigInt(count - 1) });
  return Array.from({ length: count }, (_, index) => String(first + BigInt(index)));
}

/** An id for a clone that is made without the lock, in the same form. */
export function randomId(nowMs: number): string {
  return String(BigInt(Math.floor(nowMs)) * idsPerMs + BigInt(Math.floor(Math.random() * Number(idsPerMs))));
}
