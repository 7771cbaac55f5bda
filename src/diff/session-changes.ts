import type { Facts } from '../host/facts.ts';
import { takeSession } from '../pool/lease/keep.ts';
import { type ChangedRoot, withChangedRoot } from '../run/changed-root.ts';
import { callersSessions } from '../run/find-session.ts';
import { openRootPool } from '../run/root.ts';
import { findSession } from '../session/index-files.ts';

/** Gives `action` the root of a session of the caller, which nobody else uses. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function withSessionRoot<T>(
  name: string,
  facts: Facts,
  warn: (message: string) => void,
  action: (root: ChangedRoot) => Promise<T>,
): Promise<T> {
  const { uid, index } = callersSessions();
  const record = findSession(index, uid, name);
  const pool = await openRootPool(record.root, facts, { warn });
  try {
    const lease = await takeSession(pool, { ...record.clone, owners: record.owners });
    try {
      return await withChangedRoot(pool, facts, lease, action);
    } finally {
      await lease.release();
    }
  } finally {
    pool.shelf.end();
  }
}
