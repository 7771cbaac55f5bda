import { IsolateError } from '../error.ts';
import { daemonRestart } from '../host/daemon-start.ts';
import type { Facts } from '../host/facts.ts';
import type { ListedSession } from '../session/look.ts';
import { listSessionsHere, removeSessions, renameSessionHere, type SessionsHere } from './change-sessions.ts';
import { askDaemonsSessions, type DaemonSessions } from './daemon-sessions.ts';
import { callersSessions, refuseTaken } from './callers-index.ts';
import { findCallersSession } from './find-session.ts';

type Warn = (message: string) => void;

/** The sessions of the caller, wherever they are kept; `all`: of everybody, for root. Throws `not-permitted`, `daemon-failed`. */
export async function listCallersSessions(facts: Facts, all: boolean, warn: Warn): Promise<readonly ListedSession[]> {
  if (all) refuseUser(facts, 'lists the sessions of other users');
  const own = await listSessionsHere(here(facts, warn), all);
  if (facts.user.rights === 'root') return own;
  const daemons = (await askDaemonsSessions(({ list }) => list())) ?? [];
  return [...own, ...daemons].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Removes sessions with their clones; if one does not exist, none. `owner`: whose they are, for root; null: the caller's. Throws
 * `session-missing`, `session-in-use`, `not-permitted`, and the storage's error.
 */
export async function removeCallersSessions(facts: Facts, names: readonly string[], owner: number | null, warn: Warn): Promise<void> {
  if (owner !== null) {
    refuseUser(facts, 'removes the sessions of other users');
    return await removeSessions({ ...here(facts, warn), uid: owner }, names);
  }
  const found = [];
  for (const name of new Set(names)) found.push(await findCallersSession(name));
  for (const { record, keptBy } of found) {
    if (keptBy === 'caller') await removeSessions(here(facts, warn), [record.name]);
    else await askKeeper(({ remove }) => remove(record.name));
  }
}

/** Throws `session-missing`, `session-exists`, and the storage's error. */
export async function renameCallersSession(facts: Facts, from: string, to: string, warn: Warn): Promise<void> {
  const { keptBy } = await findCallersSession(from);
  await refuseTaken(to);
  if (keptBy === 'caller') await renameSessionHere(here(facts, warn), from, to);
  else await askKeeper(({ rename }) => rename(from, to));
}

/** Asks the daemon, which has just answered. Throws `daemon-failed` if it is gone. */
async function askKeeper(ask: (sessions: DaemonSessions) => Promise<void>): Promise<void> {
  const answer = await askDaemonsSessions(async (sessions) => {
    await ask(sessions);
    return true;
  });
  if (answer === null) throw new IsolateError('daemon-failed', 'The daemon ended before it answered.', { hint: daemonRestart() });
}

function here(facts: Facts, warn: Warn): SessionsHere {
  return { ...callersSessions(), facts, warn };
}

function refuseUser({ user }: Facts, what: string): void {
  if (user.rights !== 'root') throw new IsolateError('not-permitted', `Only root ${what}.`, { hint: 'run isolate with sudo' });
}
