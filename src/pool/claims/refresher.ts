import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { countClaims } from './claims.ts';
import { isLocked } from './lock.ts';
import type { PoolFiles } from '../pool.ts';

/** Where systemctl enable puts the path unit of a template (systemd.unit(5)). */
const unitDirectory = '/etc/systemd/system/multi-user.target.wants';

/**
 * Whether something refreshes the pool when a run ends: the daemon, which destroys what runs left of every template, `isolate watch`,
 * or a unit that is enabled.
 */
export function hasRefresher(pool: PoolFiles, units: string = unitDirectory): boolean {
  const { runtime, holder, paths } = pool;
  if (isLocked(runtime.daemonLock, holder.bootId) || countClaims(pool, 'watching') > 0) return true;
  return lstatSync(join(units, `isolate-refresh@${paths.key}.path`), { throwIfNoEntry: false }) !== undefined;
}

/** Whether a refresh runs, or is about to: it will see what was retired before it was asked for. */
export function isBeingRefreshed(pool: PoolFiles): boolean {
  return isLocked(pool.paths.lock, pool.holder.bootId) || countClaims(pool, 'tidying') > 0;
}

/** True for the first who asks since clones were last made ahead. */
export function isToldFirst({ paths }: PoolFiles): boolean {
  try {
    writeFileSync(paths.told, '', { mode: 0o600, flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
