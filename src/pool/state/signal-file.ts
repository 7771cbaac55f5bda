import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { formatHolder } from '../holder.ts';
import type { PoolFiles } from '../pool.ts';

const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** Tells the process that refreshes the pool that there is work: the path unit or `isolate watch` sees the write. */
export function touchSignal(pool: PoolFiles): void {
  const file = openSync(pool.paths.signal, flags, 0o600);
  try {
    writeSync(file, describeSignal(pool));
  } finally {
    closeSync(file);
  }
}

/** What a signal says. It differs every time, because two writes within a tick of the clock leave the same time stamp. */
export function describeSignal({ holder }: PoolFiles): string {
  return `${process.hrtime.bigint()} ${formatHolder(holder)}\n`;
}

/** The content of the last signal, which a refresh compares to notice signals that came while it ran. */
export function readSignal(pool: PoolFiles): string {
  try {
    return readFileSync(pool.paths.signal, 'utf8');
  } catch {
    return '';
  }
}
