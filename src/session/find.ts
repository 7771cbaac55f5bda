import { missingSession, readSession, type SessionIndex } from './index-files.ts';
import type { SessionRecord } from './record.ts';

/** Throws `session-missing`. */
export function findSession(index: SessionIndex, uid: number, name: string): SessionRecord {
  const record = readSession(index, uid, name);
  if (record === null) throw missingSession(name);
  return record;
}
