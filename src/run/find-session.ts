import { IsolateError } from '../error.ts';
import { rightsOf } from '../host/rights.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { missingSession, readSession, sessionExists, sessionIndex } from '../session/index-files.ts';
import type { SessionOwner } from '../session/keep.ts';
import type { SessionRecord } from '../session/record.ts';
import { isSessionName } from '../spec/parse-name.ts';
import type { RunRequest } from '../spec/request.ts';
import { askDaemonsSessions } from './daemon-sessions.ts';
import { findStatePlace } from './own-places.ts';

/** Where the sessions of this process's caller are that it keeps itself. */
export function callersSessions(): SessionOwner {
  const uid = process.getuid?.() ?? 0;
  return { uid, index: sessionIndex(findStatePlace(uid, callerEnvironment()).path) };
}

/** A session, and who keeps it. */
export interface FoundSession {
  readonly record: SessionRecord;
  readonly keptBy: 'caller' | 'daemon';
}

/** A session of the caller; other users' clones of datasets are kept by the daemon. Throws `session-missing`. */
export async function findCallersSession(name: string): Promise<FoundSession> {
  const { uid, index } = callersSessions();
  if (!isSessionName(name)) throw missingSession(name);
  const own = readSession(index, uid, name);
  if (own !== null) return { record: own, keptBy: 'caller' };
  const daemons = rightsOf(uid) === 'root' ? null : await askDaemonsSessions((sessions) => sessions.find(name));
  if (daemons === null) throw missingSession(name);
  return { record: daemons, keptBy: 'daemon' };
}

/** Throws `session-exists` if the caller has a session of this name, wherever it is kept. */
export async function refuseTaken(name: string): Promise<void> {
  const known = await findCallersSession(name).catch((error: unknown) => {
    if (error instanceof IsolateError && error.code === 'session-missing') return null;
    throw error;
  });
  if (known !== null) throw sessionExists(name);
}

/** A request with the root of a session. Throws `session-missing`. */
export async function rootOfSession(request: RunRequest, name: string): Promise<RunRequest> {
  const { root } = (await findCallersSession(name)).record;
  if (root.kind === 'volume') return { ...request, zfs: root.locator };
  return { ...request, template: root.path, ephemeral: true, storage: root.storage ?? 'overlay' };
}
