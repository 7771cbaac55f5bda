import { callerEnvironment } from '../process/caller-environment.ts';
import { findSession } from '../session/find.ts';
import { type SessionIndex, sessionIndex } from '../session/index-files.ts';
import type { RunRequest } from '../spec/request.ts';
import { findStatePlace } from './own-places.ts';

/** Where the sessions of this process's caller are. */
export function callersSessions(): { readonly uid: number; readonly index: SessionIndex } {
  const uid = process.getuid?.() ?? 0;
  return { uid, index: sessionIndex(findStatePlace(uid, callerEnvironment()).path) };
}

/** A request with the root of a session. Throws `session-missing`. */
export function rootOfSession(request: RunRequest, name: string): RunRequest {
  const { uid, index } = callersSessions();
  const { root } = findSession(index, uid, name);
  return root.kind === 'volume' ? { ...request, zfs: root.locator } : { ...request, template: root.path, ephemeral: true };
}
