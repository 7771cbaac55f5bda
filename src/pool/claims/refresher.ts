import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { countClaims } from './claims.ts';
import { isLocked } from './lock.ts';
import type { PoolFiles } from '../pool.ts';

/** Where `systemctl enable` puts the path unit of a template (systemd.unit(5)). */
const unitDirectory = '/etc/systemd/system/multi-user.target.wants';

/**
 * Whether something refreshes the pool when a run ends: the daemon, which destroys used clones of every template, `isolate watch`, or an
 * enabled unit.
 */
export function hasRefresher(pool: PoolFiles, units: string = unitDirectory): boolean {
  const { runtime, holder, paths } = pool;
  if (isLocked(runtime.daemonLock, holder.bootId) || countClaims(pool, 'watching') > 0) return true;
  return lstatSync(join(units, `isolate-refresh@${paths.key}.path`), { throwIfNoEntry: false }) !== undefined;
}

/** Whether a refresh runs or is about to; it will see every clone that was retired before this call. */
export function isBeingRefreshed(pool: PoolFiles): boolean {
  return isLocked(pool.paths.lock, pool.holder.bootId) || countClaims(pool, 'tidying') > 0;
}

/** True for the first call since clones were last made in advance. */
export function isToldFirst({ paths }: PoolFiles): boolean {
  try {
    writeFileSync(paths.told, '', { mode: 0o600, flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
