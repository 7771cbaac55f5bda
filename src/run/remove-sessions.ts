import type { Facts } from '../host/facts.ts';
import { forgetLease, takeSession } from '../pool/lease/keep.ts';
import { releaseClone, removeClone } from '../pool/lease/release.ts';
import { tidyUp } from '../pool/lease/tidy.ts';
import { findSession } from '../session/find.ts';
import { removeSession } from '../session/index-files.ts';
import { callersSessions } from './find-session.ts';
import { openRootPool } from './root.ts';

/** Removes sessions of the caller with their clones; if one does not exist, none. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function removeSessions(names: readonly string[], facts: Facts, warn: (message: string) => void): Promise<void> {
  const { uid, index } = callersSessions();
  for (const record of names.map((name) => findSession(index, uid, name))) {
    const pool = await openRootPool(record.root, facts, { warn, onlyCleanUp: true });
    try {
      const { id } = await takeSession(pool, { ...record.clone, owners: record.owners });
      const { pooled } = pool.driver.capabilities;
      await forgetLease(pool, record.clone, () => (pooled ? releaseClone(pool, id) : removeClone(pool, id)));
      removeSession(index, record);
      if (pooled) tidyUp(pool);
    } finally {
      pool.shelf.end();
    }
  }
}
