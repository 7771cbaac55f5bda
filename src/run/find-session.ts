import { missingSession } from '../session/index-files.ts';
import { findKept } from '../session/kept.ts';
import type { ClonedRoot } from '../session/record.ts';
import { isSessionName } from '../spec/parse-name.ts';
import type { RunRequest } from '../spec/request.ts';
import { callersSessions, callersState, findNamed, type FoundSession } from './callers-index.ts';

/** A session of the caller, also if its name was lost. Throws `session-missing`. */
export async function findCallersSession(name: string): Promise<FoundSession> {
  if (!isSessionName(name)) throw missingSession(name);
  const found = (await findNamed(name)) ?? (await findLost(name));
  if (found === null) throw missingSession(name);
  return found;
}

/** A session on a directory whose name was lost: its driver says whether what its clone says is true. */
async function findLost(name: string): Promise<FoundSession | null> {
  const { uid } = callersSessions();
  const ignore = (): void => {};
  const isNamed = findKept(callersState(), ignore).some(({ sessions }) => sessions.some((one) => one.uid === uid && one.name === name));
  if (!isNamed) return null;
  const [{ callerFacts }, { listSessionsHere }] = await Promise.all([import('./caller-facts.ts'), import('./change-sessions.ts')]);
  await listSessionsHere({ ...callersSessions(), facts: await callerFacts(), warn: ignore }, false);
  return await findNamed(name);
}

/** A request with the root of a session. Throws `session-missing`. */
export async function rootOfSession(request: RunRequest, name: string): Promise<RunRequest> {
  return onRoot(request, (await findCallersSession(name)).record.root);
}

/** A request with this root. */
export function onRoot(request: RunRequest, root: ClonedRoot): RunRequest {
  if (root.kind === 'volume') return { ...request, zfs: root.locator };
  return { ...request, template: root.path, ephemeral: true, storage: root.storage ?? 'overlay' };
}
