import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './holder.ts';
import type { HolderId } from './holder.ts';
import type { Pool } from './pool.ts';
import { readDirectory } from './read-directory.ts';
import { isCloneId, parseLeaseName, parseRetiredState } from './state-file.ts';
import type { CloneState, RetiredState } from './state-file.ts';
import { isInPlace, readCloneState } from './transition.ts';

export interface FreshEntry {
  readonly id: string;
  /** Null: the file cannot be trusted. */
  readonly state: CloneState | null;
  readonly inPlace: boolean;
}

export interface LeasedEntry {
  readonly id: string;
  readonly name: string;
  readonly holder: HolderId;
  readonly alive: boolean;
}

export interface RetiredEntry extends RetiredState {
  readonly id: string;
}

/** The state of every clone as the state directories tell it, and the files there that tell nothing. */
export interface PoolState {
  readonly fresh: readonly FreshEntry[];
  readonly leased: readonly LeasedEntry[];
  readonly retired: readonly RetiredEntry[];
  readonly garbage: readonly string[];
}

/**
 * Reads the state directories. Clones only ever move from fresh to leased to retired and are read in this order, so one
 * that moves meanwhile is seen at least once; of two sightings the later counts.
 */
export function readPoolState(pool: Pool): PoolState {
  const garbage: string[] = [];
  const fresh = new Map<string, FreshEntry>();
  const leased = new Map<string, LeasedEntry>();
  const retired = new Map<string, RetiredEntry>();
  for (const name of readDirectory(pool.paths.fresh)) {
    const path = join(pool.paths.fresh, name);
    const state = isCloneId(name) ? readCloneState(path, name) : null;
    if (isCloneId(name)) fresh.set(name, { id: name, state, inPlace: state !== null && isInPlace(state) });
    else garbage.push(path);
  }
  for (const name of readDirectory(pool.paths.leased)) {
    const lease = parseLeaseName(name);
    if (lease === null) garbage.push(join(pool.paths.leased, name));
    else leased.set(lease.id, { ...lease, name, alive: isAlive(lease.holder, pool.holder.bootId) });
  }
  for (const name of readDirectory(pool.paths.retired)) {
    const path = join(pool.paths.retired, name);
    if (isCloneId(name)) retired.set(name, { id: name, ...parseRetiredState(readText(path)) });
    else garbage.push(path);
  }
  return {
    fresh: [...fresh.values()].filter(({ id }) => !leased.has(id) && !retired.has(id)),
    leased: [...leased.values()].filter(({ id }) => !retired.has(id)),
    retired: [...retired.values()],
    garbage,
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
