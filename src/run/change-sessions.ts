import type { Facts } from '../host/facts.ts';
import { tidyUp } from '../pool/lease/tidy.ts';
import type { Pool } from '../pool/pool.ts';
import { destroySession, renameSession } from '../session/change.ts';
import { findSession } from '../session/index-files.ts';
import type { SessionOwner } from '../session/keep.ts';
import { findKept } from '../session/kept.ts';
import { type ListedSession, lookAtSessions, type WithRoot } from '../session/look.ts';
import { ownStateDirectory } from './place.ts';
import { openRootPool } from './root.ts';

/** What changing sessions of this host takes. */
export interface SessionsHere extends SessionOwner {
  readonly facts: Facts;
  readonly warn: (message: string) => void;
}

/** Removes sessions with their clones; if one does not exist, none. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function removeSessions(here: SessionsHere, names: readonly string[]): Promise<void> {
  const { index, uid } = here;
  const withRoot = rootsHere(here);
  for (const record of names.map((name) => findSession(index, uid, name))) {
    await withRoot(record.root, async (pool) => {
      await destroySession(pool, index, record);
      if (pool.driver.capabilities.pooled) tidyUp(pool);
    });
  }
}

/** Throws `session-missing`, `session-exists`, and the storage's error. */
export async function renameSessionHere(here: SessionsHere, from: string, to: string): Promise<void> {
  const { index, uid } = here;
  const record = findSession(index, uid, from);
  await rootsHere(here)(record.root, (pool) => renameSession(pool, index, record, to));
}

/** The sessions of the owner, or with `all` of everybody. */
export async function listSessionsHere(here: SessionsHere, all: boolean): Promise<readonly ListedSession[]> {
  const kept = findKept(ownStateDirectory(here.facts), here.warn).map(({ root }) => root);
  return await lookAtSessions(here.index, all ? null : here.uid, rootsHere(here), here.warn, kept);
}

function rootsHere({ facts, warn }: SessionsHere): WithRoot {
  return async (root, action) => {
    const pool: Pool = await openRootPool(root, facts, { warn, onlyCleanUp: true });
    try {
      return await action(pool);
    } finally {
      pool.shelf.end();
    }
  };
}
