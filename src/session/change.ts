import { backToSession, claimSession, forgetLease, isKeptByStorage } from '../pool/lease/keep.ts';
import { releaseClone, removeClone } from '../pool/lease/release.ts';
import type { Pool } from '../pool/pool.ts';
import { addSession, removeName, removeSession, type SessionIndex } from './index-files.ts';
import { formatSession, type SessionRecord } from './record.ts';

/** Removes a session with its clone. Throws `session-in-use`, and the storage's error. */
export async function destroySession(pool: Pool, index: SessionIndex, record: SessionRecord): Promise<void> {
  const { id } = record.clone;
  const release = (): Promise<void> => (pool.driver.capabilities.pooled ? releaseClone(pool, id) : removeClone(pool, id));
  await claimSession(pool, id);
  try {
    // A crash may have come before the storage kept the clone.
    await ((await isKeptByStorage(pool, record.clone)) ? forgetLease(pool, record.clone, release) : release());
  } catch (error) {
    await backToSession(pool, id).release();
    throw error;
  }
  removeSession(index, record);
}

/** Gives a session another name, also while it is in use. Throws `session-exists`, and the storage's error. */
export async function renameSession(pool: Pool, index: SessionIndex, record: SessionRecord, name: string): Promise<void> {
  const renamed = { ...record, name };
  addSession(index, renamed);
  try {
    pool.checkpoint('rename:added');
    await pool.driver.keep(record.clone, formatSession(renamed));
    pool.checkpoint('rename:kept');
  } catch (error) {
    removeName(index, renamed.uid, name);
    throw error;
  }
  removeName(index, record.uid, record.name);
}
