import { isDeepStrictEqual } from 'node:util';

import { IsolateError } from '../error.ts';
import type { Pool } from '../pool/pool.ts';
import { type PoolNames, readInUse, readPoolNames } from '../pool/state/pool-state.ts';
import type { CloneInfo } from '../storage/driver.ts';
import { addSession, listSessions, removeName, type SessionIndex } from './index-files.ts';
import { type ClonedRoot, isSameRoot, parseLastRun, parseSession, type SessionRecord } from './record.ts';

/** A run writes the name of its session before the storage has it. */
const youngMs = 60_000;

/** The clones of a root in the storage. */
export interface SeenClones {
  readonly clones: readonly CloneInfo[];
  /**
   * Ids of those that were in use, fresh or retired before or after the storage was asked, or leased before and not there any more after:
   * runs add and remove their names themselves.
   */
  readonly others: ReadonlySet<string>;
}

/** Asks the storage of a pool. */
export async function seeClones(pool: StatedPool): Promise<SeenClones> {
  const before = look(pool);
  const clones = await pool.driver.list();
  const after = look(pool);
  const there = new Set([...after.leased, ...after.kept]);
  const gone = before.leased.filter((id) => !there.has(id));
  return { clones, others: new Set([...before.others, ...after.others, ...gone]) };
}

type StatedPool = Pick<Pool, 'paths' | 'holder'> & { readonly driver: Pick<Pool['driver'], 'list'> };

function look(pool: StatedPool): Pick<PoolNames, 'leased' | 'kept'> & { readonly others: readonly string[] } {
  const { fresh, leased, kept, retired } = readPoolNames(pool);
  return { leased, kept, others: [...fresh, ...readInUse(pool), ...retired] };
}

/**
 * Makes the names of a root's sessions agree with its clones in the storage, which has the last word: adds those that were lost, and
 * removes those whose clones are not kept.
 */
export function mendIndex(index: SessionIndex, root: ClonedRoot, { clones, others }: SeenClones, nowMs: number): void {
  const kept = clones.flatMap((clone) => sessionOf(clone) ?? []);
  const known = listSessions(index, null);
  for (const record of known.filter((one) => isSameRoot(one.root, root))) {
    if (!kept.some((one) => isSame(one, record)) && nowMs - record.createdMs > youngMs) removeName(index, record.uid, record.name);
  }
  const lost = kept.filter((record) => !others.has(record.clone.id) && !known.some((one) => isSame(one, record)));
  for (const record of lost) addLost(index, record);
}

/** What the storage has about the session of a clone; null: nothing, or something about another clone that was copied. */
export function sessionOf({ id, guid, kept, session, lastRun }: CloneInfo): SessionRecord | null {
  const record = session === undefined || !kept ? null : parseSession(session);
  if (record?.clone.id !== id || record.clone.guid !== guid) return null;
  return { ...record, ...(lastRun === undefined ? null : parseLastRun(lastRun)) };
}

function isSame(one: SessionRecord, other: SessionRecord): boolean {
  return one.uid === other.uid && one.name === other.name && isDeepStrictEqual(one.clone, other.clone);
}

/** Under another name if its own was given again. */
function addLost(index: SessionIndex, record: SessionRecord): void {
  for (let number = 1; ; number += 1) {
    try {
      return addSession(index, number === 1 ? record : { ...record, name: `${record.name.slice(0, 56)}-${number}` });
    } catch (error) {
      if (!(error instanceof IsolateError) || error.code !== 'session-exists') throw error;
    }
  }
}
