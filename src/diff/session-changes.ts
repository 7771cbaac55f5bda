import type { Facts } from '../host/facts.ts';
import { takeSession } from '../pool/lease/keep.ts';
import { placeOf } from '../rootfs/rootfs.ts';
import { callersSessions } from '../run/find-session.ts';
import { openRootPool } from '../run/root.ts';
import { findSession } from '../session/index-files.ts';
import type { OpenTrees } from './open-trees.ts';

/** Gives `action` the trees of a session of the caller, which nobody else uses. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function withSessionTrees<T>(
  name: string,
  facts: Facts,
  warn: (message: string) => void,
  action: (open: OpenTrees) => Promise<T>,
): Promise<T> {
  const { uid, index } = callersSessions();
  const record = findSession(index, uid, name);
  const pool = await openRootPool(record.root, facts, { warn });
  try {
    const lease = await takeSession(pool, { ...record.clone, owners: record.owners });
    try {
      const clone = (await pool.driver.list()).find(({ id }) => id === record.clone.id);
      if (clone === undefined) throw new Error('A leased clone is not there.');
      const trees = await pool.driver.openChanges(clone, lease.onShelf?.seenAt ?? placeOf(lease.rootfs));
      try {
        const [{ ownership }] = lease.rootfs.parts;
        return await action({ facts, trees, ownership });
      } finally {
        await trees.close();
      }
    } finally {
      await lease.release();
    }
  } finally {
    pool.shelf.end();
  }
}
