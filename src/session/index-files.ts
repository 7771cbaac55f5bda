import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { makeDirectories } from '../process/make-directories.ts';
import { makeRandom } from '../process/random.ts';
import { isSessionName } from '../spec/parse-name.ts';
import { formatSession, parseSession, type SessionRecord } from './record.ts';

/**
 * The names of sessions: one file each, in a directory of its owner, so that nobody can find out the names of others'. The storage has
 * the same, so a lost index is made again from that.
 */
export interface SessionIndex {
  /** Below which each owner has a directory. */
  readonly directory: string;
}

export function sessionIndex(stateDirectory: string): SessionIndex {
  return { directory: join(stateDirectory, 'sessions') };
}

/** null: the owner has no session of this name. */
export function readSession(index: SessionIndex, uid: number, name: string): SessionRecord | null {
  if (!isSessionName(name)) return null;
  try {
    return parseSessionOf(uid, name, readFileSync(sessionFile(index, uid, name), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Null: it is not the text of this session. That of a file that was copied is of no other session. */
export function parseSessionOf(uid: number, name: string, text: string): SessionRecord | null {
  const record = parseSession(text);
  return record?.uid === uid && record.name === name ? record : null;
}

/** As `readSession`. Throws `session-missing`. */
export function findSession(index: SessionIndex, uid: number, name: string): SessionRecord {
  const record = readSession(index, uid, name);
  if (record === null) throw missingSession(name);
  return record;
}

/** The sessions of an owner, or of all, by their names. */
export function listSessions(index: SessionIndex, uid: number | null): readonly SessionRecord[] {
  const owners = uid === null ? readDirectory(index.directory).filter((name) => /^\d+$/.test(name)) : [String(uid)];
  return owners
    .flatMap((owner) => readDirectory(join(index.directory, owner)).flatMap((name) => readSession(index, Number(owner), name) ?? []))
    .toSorted((one, other) => one.uid - other.uid || (one.name < other.name ? -1 : 1));
}

/** Adds a session. Throws `session-exists` if its owner has one of this name. */
export function addSession(index: SessionIndex, record: SessionRecord): void {
  const file = sessionFile(index, record.uid, record.name);
  const temporary = writeBeside(index, record);
  try {
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw sessionExists(record.name);
  } finally {
    rmSync(temporary, { force: true });
  }
}

export function sessionExists(name: string): IsolateError {
  return new IsolateError('session-exists', `There is already a session ${name}.`, {
    hint: `choose another name, go on in it with isolate enter ${name}, or remove it with isolate rm ${name}`,
  });
}

export function missingSession(name: string): IsolateError {
  return new IsolateError('session-missing', `There is no session ${JSON.stringify(name)}.`, { hint: 'isolate sessions lists yours' });
}

/** Replaces what is known about a session, whatever it is called by now. */
export function updateSession(index: SessionIndex, record: SessionRecord): void {
  for (const name of namesOf(index, record)) renameSync(writeBeside(index, { ...record, name }), sessionFile(index, record.uid, name));
}

/** Removes the names of a session's clone. */
export function removeSession(index: SessionIndex, record: Pick<SessionRecord, 'uid' | 'clone'>): void {
  for (const name of namesOf(index, record)) removeName(index, record.uid, name);
}

/** Removes one name. */
export function removeName(index: SessionIndex, uid: number, name: string): void {
  rmSync(sessionFile(index, uid, name), { force: true });
}

/** It has two while it is being renamed. */
function namesOf(index: SessionIndex, { uid, clone }: Pick<SessionRecord, 'uid' | 'clone'>): readonly string[] {
  return listSessions(index, uid)
    .filter((other) => other.clone.id === clone.id && other.clone.guid === clone.guid)
    .map(({ name }) => name);
}

function writeBeside(index: SessionIndex, record: SessionRecord): string {
  makeDirectories(join(index.directory, String(record.uid)), 0o700);
  const temporary = join(index.directory, String(record.uid), `.${makeRandom()}`);
  try {
    writeFileSync(temporary, formatSession(record), { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return temporary;
}

/** Where a session of this name is. */
export function sessionFile({ directory }: SessionIndex, uid: number, name: string): string {
  return join(directory, String(uid), name);
}
