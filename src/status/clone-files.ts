import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { isAlive } from '../pool/holder.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { isCloneId, parseLeaseName, parseRetiredRecord } from '../pool/state/state-file.ts';
import { readCloneRecord } from '../pool/state/transition.ts';

export interface FreshClone {
  /** Null: its state file cannot be trusted. */
  readonly source: string | null;
  readonly createdMs: number | null;
}

export interface LeasedClone {
  readonly id: string;
  readonly pid: number;
  readonly alive: boolean;
}

/** The clones of a pool according to their state files. */
export interface CloneFiles {
  readonly fresh: ReadonlyMap<string, FreshClone>;
  readonly leased: readonly LeasedClone[];
  readonly retired: readonly string[];
  /** Retired clones that could not be destroyed. */
  readonly tried: readonly string[];
}

/**
 * Reads the state directories, and only the files of fresh clones that are not `known`, because files never change. In this order a clone
 * that moves while they are read is seen at least once; of two sightings the later one counts.
 */
export function readCloneFiles(pool: PoolFiles, known: ReadonlyMap<string, FreshClone>): CloneFiles {
  const freshIds = readDirectory(pool.paths.fresh).filter(isCloneId);
  const leases = readDirectory(pool.paths.leased).flatMap((name) => parseLeaseName(name) ?? []);
  const retired = readDirectory(pool.paths.retired).filter(isCloneId);
  const gone = new Set(retired);
  const leased = leases.filter(({ id }) => !gone.has(id));
  for (const { id } of leased) gone.add(id);
  return {
    fresh: new Map(freshIds.filter((id) => !gone.has(id)).map((id) => [id, known.get(id) ?? readFresh(pool, id)])),
    leased: leased.map(({ id, holder }) => ({ id, pid: holder.pid, alive: isAlive(holder, pool.holder.bootId) })),
    retired,
    tried: retired.filter((id) => readAttempts(join(pool.paths.retired, id)) > 0),
  };
}

function readFresh(pool: PoolFiles, id: string): FreshClone {
  const state = readCloneRecord(join(pool.paths.fresh, id), id);
  return { source: state?.source ?? null, createdMs: state?.createdMs ?? null };
}

function readAttempts(path: string): number {
  try {
    return parseRetiredRecord(readFileSync(path, 'utf8')).attempts;
  } catch {
    return 0;
  }
}
