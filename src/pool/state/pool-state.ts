import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isAlive } from '../holder.ts';
import type { HolderId } from '../holder.ts';
import type { Pool } from '../pool.ts';
import { readDirectory } from '../read-directory.ts';
import { isCloneId, parseLeaseName, parseRetiredRecord } from './state-file.ts';
import type { CloneRecord, CloneState, RetiredRecord } from './state-file.ts';
import { checkInOrder } from './in-place.ts';
import { readCloneRecord } from './transition.ts';

export interface FreshEntry {
  readonly id: string;
  /** Null: the file cannot be trusted. */
  readonly state: CloneRecord | null;
  readonly inPlace: boolean;
}

export interface LeasedEntry {
  readonly id: string;
  readonly name: string;
  readonly holder: HolderId;
  readonly alive: boolean;
}

export interface KeptEntry {
  readonly id: string;
}

export interface RetiredEntry extends RetiredRecord {
  readonly id: string;
}

/** The state of every clone according to the state directories, and the files there that mean nothing. */
export interface PoolState {
  readonly fresh: readonly FreshEntry[];
  readonly leased: readonly LeasedEntry[];
  readonly kept: readonly KeptEntry[];
  readonly retired: readonly RetiredEntry[];
  readonly garbage: readonly string[];
}

/** The ids of the clones in each state. */
export type PoolNames = Readonly<Record<CloneState, readonly string[]>>;

/** How many files are read before others in this process get their turn. */
const sliceSize = 32;

/**
 * Reads the state directories. Clones move from fresh to leased to retired and are read in this order, so a clone that moves while they
 * are read is seen at least once; of two sightings the later one counts. Only those of sessions move back, and may not be seen: what the
 * storage keeps is not missed.
 */
export async function readPoolState(pool: Pool): Promise<PoolState> {
  const garbage: string[] = [];
  const leased = new Map<string, LeasedEntry>();
  const fresh = await readFresh(pool, garbage);
  for (const name of readDirectory(pool.paths.leased)) {
    const lease = parseLeaseName(name);
    if (lease === null) garbage.push(join(pool.paths.leased, name));
    else leased.set(lease.id, { ...lease, name, alive: isAlive(lease.holder, pool.holder.bootId) });
  }
  const kept = readKept(pool, garbage);
  const retired = new Map(readRetired(pool, garbage).map((entry) => [entry.id, entry]));
  const isKept = new Set(kept.map(({ id }) => id));
  return {
    fresh: fresh.filter(({ id }) => !leased.has(id) && !isKept.has(id) && !retired.has(id)),
    leased: [...leased.values()].filter(({ id }) => !isKept.has(id) && !retired.has(id)),
    kept: kept.filter(({ id }) => !retired.has(id)),
    retired: [...retired.values()],
    garbage,
  };
}

/** The same from the names of the files alone. */
export function readPoolNames({ paths }: Pick<Pool, 'paths'>): PoolNames {
  const fresh = readDirectory(paths.fresh).filter(isCloneId);
  const leased = readDirectory(paths.leased).flatMap((name) => parseLeaseName(name)?.id ?? []);
  const kept = readDirectory(paths.kept).filter(isCloneId);
  const retired = readDirectory(paths.retired).filter(isCloneId);
  const gone = new Set(retired);
  const notYet = (ids: readonly string[]): readonly string[] => {
    const still = ids.filter((id) => !gone.has(id));
    for (const id of still) gone.add(id);
    return still;
  };
  const [idle, inUse, waiting] = [notYet(kept), notYet(leased), notYet(fresh)];
  return { fresh: waiting, leased: inUse, kept: idle, retired };
}

/** Ids of the clones that living processes have leased. */
export function readInUse({ paths, holder }: Pick<Pool, 'paths' | 'holder'>): readonly string[] {
  const leases = readDirectory(paths.leased).flatMap((name) => parseLeaseName(name) ?? []);
  return leases.filter((lease) => isAlive(lease.holder, holder.bootId)).map(({ id }) => id);
}

function readKept({ paths }: Pool, garbage: string[]): readonly KeptEntry[] {
  return readDirectory(paths.kept).flatMap((name) => {
    if (isCloneId(name)) return { id: name };
    garbage.push(join(paths.kept, name));
    return [];
  });
}

/** The retired clones; the names of other files are added to `garbage`. */
export function readRetired({ paths }: Pick<Pool, 'paths'>, garbage: string[] = []): RetiredEntry[] {
  return readDirectory(paths.retired).flatMap((name) => {
    const path = join(paths.retired, name);
    if (isCloneId(name)) return { id: name, ...parseRetiredRecord(readText(path)) };
    garbage.push(path);
    return [];
  });
}

interface ReadState {
  /** The file it was read from, which is written once and atomically. */
  readonly file: string;
  readonly state: CloneRecord | null;
}

/** What the last reading of a pool found, so that a long-lived process reads each file once. */
const read = new WeakMap<Pool, ReadonlyMap<string, ReadState>>();

async function readFresh(pool: Pool, garbage: string[]): Promise<FreshEntry[]> {
  const known = read.get(pool) ?? new Map<string, ReadState>();
  const now = new Map<string, ReadState>();
  const entries: FreshEntry[] = [];
  const names = readDirectory(pool.paths.fresh);
  await pool.shelf.open();
  const isInPlace = checkInOrder(pool.shelf.find);
  for (const [index, name] of names.entries()) {
    if (index % sliceSize === sliceSize - 1) await nextTurn();
    const path = join(pool.paths.fresh, name);
    if (!isCloneId(name)) {
      garbage.push(path);
      continue;
    }
    const file = identify(path);
    const before = known.get(name);
    const one = before?.file === file ? before : { file, state: readCloneRecord(path, name) };
    now.set(name, one);
    entries.push({ id: name, state: one.state, inPlace: one.state !== null && (await isInPlace(one.state)) });
  }
  read.set(pool, now);
  return entries;
}

function identify(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
