import { rightsOf } from '../host/rights.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { readSession, sessionExists, sessionIndex } from '../session/index-files.ts';
import type { SessionOwner } from '../session/keep.ts';
import type { SessionRecord } from '../session/record.ts';
import { askDaemonsSessions } from './daemon-sessions.ts';
import { findStatePlace } from './own-places.ts';

/** Where the sessions of this process's caller are that it keeps itself. */
export function callersSessions(): SessionOwner {
  const uid = process.getuid?.() ?? 0;
  return { uid, index: sessionIndex(callersState()) };
}

/** The caller's state that outlives a boot. */
export function callersState(): string {
  return findStatePlace(process.getuid?.() ?? 0, callerEnvironment()).path;
}

/** A session, and who keeps it. */
export interface FoundSession {
  readonly record: SessionRecord;
  readonly keptBy: 'caller' | 'daemon';
}

/** A session of the caller whose name is known; other users' clones of datasets are kept by the daemon. */
export async function findNamed(name: string): Promise<FoundSession | null> {
  const { uid, index } = callersSessions();
  const own = readSession(index, uid, name);
  if (own !== null) return { record: own, keptBy: 'caller' };
  const daemons = rightsOf(uid) === 'root' ? null : await askDaemonsSessions((sessions) => sessions.find(name));
  return daemons === null ? null : { record: daemons, keptBy: 'daemon' };
}

/** Throws `session-exists` if the caller has a session of this name, wherever it is kept. */
export async function refuseTaken(name: string): Promise<void> {
  if ((await findNamed(name)) !== null) throw sessionExists(name);
}
