import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { IsolateError } from '../error.ts';
import type { HolderId } from '../pool/holder.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import { formatLeaseName, parseCloneRecord, parseLeaseName } from '../pool/state/state-file.ts';
import { makeRandom } from '../process/random.ts';
import { placeOf } from '../rootfs/rootfs.ts';
import { findStatePlace } from '../run/own-places.ts';
import { sessionFile, sessionIndex } from '../session/index-files.ts';
import { shortenedRun } from '../session/keep.ts';
import { formatLastRun, isSameRoot, parseSession, type SessionRecord } from '../session/record.ts';
import { isSessionName } from '../spec/parse-name.ts';
import type { RootRef } from '../spec/root-ref.ts';
import { lastRunFile } from '../storage/clones/session.ts';
import { askClient, type ClientQuestions } from './ask-client.ts';
import { askForState, type ClientLayers, type ClientState, layersPart } from './client-layers.ts';
import { leftToNode } from './client-root.ts';
import type { Connection } from './connection.ts';
import type { Peer } from './peer.ts';

/** The root of a session that its client keeps. */
type SessionRoot = Extract<RootRef, { readonly kind: 'directory' }> & { readonly session: string };

/** What a client says about a session that it keeps itself; null: it keeps none of this name. */
export async function askForSession(name: string, { uid }: Peer, ask: Connection['ask']): Promise<SessionRecord | null> {
  if (!isSessionName(name)) return null;
  const file = await askForFile(name, { uid, rights: 'user' }, ask);
  return readRecord((await askClient({ files: [file] }, ask)).files.get(file), uid, name);
}

/** Where a session is that a client keeps itself. Rejects with `daemon-failed` if only the client knows its home. */
export async function askForFile(name: string, { uid, rights }: Pick<Peer, 'uid' | 'rights'>, ask: Connection['ask']): Promise<string> {
  const { variables } = rights === 'root' ? { variables: new Map<string, string>() } : await askClient({ variables: ['HOME'] }, ask);
  if (rights === 'user' && variables.get('HOME')?.startsWith('/') !== true) {
    throw new IsolateError('daemon-failed', 'The home of the client is in its user database.');
  }
  return sessionFile(sessionIndex(findStatePlace(uid, Object.fromEntries(variables)).path), uid, name);
}

function readRecord(text: string | undefined, uid: number, name: string): SessionRecord | null {
  const record = text === undefined ? null : parseSession(text);
  return record?.uid === uid && record.name === name ? record : null;
}

/**
 * Plans a run in a session on a directory whose layers are in the client's own state: its launcher takes the clone, and gives it back at
 * the end. Whatever is not as a run has left it is left to the program in Node, as after a restart of the host.
 */
export async function planSession(
  root: SessionRoot,
  run: Parameters<typeof shortenedRun>[0],
  tree: NonNullable<ClientQuestions['tree']>,
  holder: HolderId,
  connection: Pick<Connection, 'peer' | 'ask'>,
  paths: RuntimePaths,
): Promise<ClientLayers> {
  const { peer, ask } = connection;
  const file = await askForFile(root.session, peer, ask);
  const state = await askForState(root, { tree, files: [file] }, holder, connection, paths);
  const { told, layout, pool } = state;
  const record = readRecord(told.files.get(file), peer.uid, root.session);
  const { session: _session, ...own } = root;
  if (record === null || own.write !== 'clone' || !isSameRoot(record.root, { ...own, write: 'clone' })) throw leftToNode;
  const { id, guid } = record.clone;
  const isLeased = told.lists.get(pool.leased)?.some((name) => parseLeaseName(name)?.id === id);
  if (isLeased !== false || told.lists.get(pool.kept)?.includes(id) !== true) throw leftToNode;
  const directory = layout.clone(id, 'live');
  const part = layersPart(state, root.path, directory);
  if (!isDeepStrictEqual(record.owners ?? { kind: 'natural' }, part.ownership)) throw leftToNode;
  await checkClone({ id, guid, place: placeOf({ parts: [part] }), record: join(pool.kept, id) }, ask);
  const last = formatLastRun({ ...shortenedRun(run), usedMs: Date.now() });
  return {
    id,
    told,
    part,
    files: [
      { kind: 'take', path: join(pool.kept, id), to: join(pool.leased, formatLeaseName(id, holder)) },
      { kind: 'replace', path: `${lastRunFile(directory)}.${makeRandom()}`, to: lastRunFile(directory), content: last },
    ],
  };
}

/** Throws `leftToNode` unless it is the clone of the session, at its place. */
async function checkClone(
  clone: { readonly id: string; readonly guid: string; readonly place: string; readonly record: string },
  ask: Connection['ask'],
): Promise<void> {
  const told: ClientState['told'] = await askClient({ paths: [clone.place], files: [clone.record] }, ask);
  const record = parseCloneRecord(told.files.get(clone.record) ?? '');
  const found = told.status.get(clone.place);
  const isThere = found !== undefined && record?.device === found.device && record.inode % 2 ** 32 === found.inode;
  if (!isThere || record.id !== clone.id || record.guid !== clone.guid || placeOf(record.rootfs) !== clone.place) throw leftToNode;
}
