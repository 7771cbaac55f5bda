import { readFileSync } from 'node:fs';
import type { Pool } from './pool.ts';
import { isCloneId } from './state-file.ts';
import { writeWhole } from './transition.ts';

/** What a pool remembers between refreshes. */
export interface PoolSettings {
  /** How many fresh clones there should be; null: nobody said yet. */
  readonly count: number | null;
  /** The highest id given so far; ids are not used twice within a boot. */
  readonly lastId: number;
}

const settingsText = /^count=(-|[0-9]{1,4}) lastId=([0-9]{1,15})\n$/;

/** The settings; those of a new pool where there are none or they cannot be read. */
export function readSettings(pool: Pool): PoolSettings {
  let text: string;
  try {
    text = readFileSync(pool.paths.settings, 'utf8');
  } catch {
    text = '';
  }
  const [, count, lastId] = settingsText.exec(text) ?? [];
  if (count === undefined || lastId === undefined) return { count: null, lastId: 0 };
  return { count: count === '-' ? null : Number(count), lastId: Number(lastId) };
}

/** Only under the pool's lock. */
export function writeSettings(pool: Pool, settings: PoolSettings): void {
  writeWhole(pool, pool.paths.settings, `count=${settings.count ?? '-'} lastId=${settings.lastId}\n`);
}

/** Takes `count` ids that no clone has or had; only under the pool's lock. */
export function takeIds(pool: Pool, count: number, usedIds: Iterable<string>): string[] {
  const settings = readSettings(pool);
  let last = settings.lastId;
  for (const id of usedIds) if (isCloneId(id)) last = Math.max(last, Number(id));
  const ids = Array.from({ length: count }, (_, index) => String(last + 1 + index));
  writeSettings(pool, { ...settings, lastId: last + count });
  return ids;
}
