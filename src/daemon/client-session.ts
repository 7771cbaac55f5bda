import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { formatLeaseName, parseCloneRecord, parseLeaseName } from '../pool/state/state-file.ts';
import { makeRandom } from '../process/random.ts';
import { placeOf } from '../rootfs/rootfs.ts';
import { parseSessionOf, sessionFile, sessionIndex } from '../session/index-files.ts';
import { type LastRun as RunOfSession, shortenedRun } from '../session/keep.ts';
import { formatLastRun, isSameRoot, type SessionRecord } from '../session/record.ts';
import { isSessionName } from '../spec/parse-name.ts';
import { lastRunFile } from '../storage/clones/session.ts';
import type { ClonedDirectory } from '../storage/noted.ts';
import { askClient, type ClientQuestions } from './ask-client.ts';
import type { ClientLayers } from './client-layers.ts';
import { leftToNode } from './client-root.ts';
import { askForState, askForStateDirectory, layersPart, type StateClient } from './client-state.ts';
import type { Connection } from './connection.ts';
import type { Peer } from './peer.ts';

/** The root of a session that its client keeps. */
type SessionRoot = ClonedDirectory & { readonly session: string };

/** What a user says about a session that it keeps itself, which comes before the daemon's; null: it keeps none of this name, or is root. */
export async function askForSession(name: string, peer: Peer, ask: Connection['ask']): Promise<SessionRecord | null> {
  if (peer.rights === 'root' || !isSessionName(name)) return null;
  const file = sessionFile(sessionIndex(await askForStateDirectory(peer, ask)), peer.uid, name);
  return readOwn((await askClient({ files: [file] }, ask)).files.get(file), peer, name);
}

function readOwn(text: string | undefined, { uid }: Peer, name: string): SessionRecord | null {
  return text === undefined ? null : parseSessionOf(uid, name, text);
}

/**
 * Plans a run in a session on a directory whose layers are in the client's own state: its launcher takes the clone, and gives it back at
 * the end. Whatever is not as a run has left it is left to the program in Node, as after a restart of the host.
 */
export async function planSession(
  root: SessionRoot,
  run: RunOfSession,
  tree: NonNullable<ClientQuestions['tree']>,
  client: StateClient,
): Promise<ClientLayers> {
  const { peer, ask, holder } = client;
  const directory = await askForStateDirectory(peer, ask);
  const file = sessionFile(sessionIndex(directory), peer.uid, root.session);
  const state = await askForState(root, directory, { tree, files: [file] }, client);
  const { told, layout, pool } = state;
  const record = readOwn(told.files.get(file), peer, root.session);
  if (record === null || !isSameRoot(record.root, root)) throw leftToNode;
  const { id, guid } = record.clone;
  const isLeased = told.lists.get(pool.leased)?.some((name) => parseLeaseName(name)?.id === id);
  if (isLeased !== false || told.lists.get(pool.kept)?.includes(id) !== true) throw leftToNode;
  const upperParent = layout.clone(id, 'live');
  const part = layersPart(state, root.path, upperParent);
  if (!isDeepStrictEqual(record.owners ?? { kind: 'natural' }, part.ownership)) throw leftToNode;
  await checkClone({ id, guid, place: placeOf({ parts: [part] }), record: join(pool.kept, id) }, ask);
  const lastRun = lastRunFile(upperParent);
  return {
    id,
    told,
    part,
    files: [
      { kind: 'take', path: join(pool.kept, id), to: join(pool.leased, formatLeaseName(id, holder)) },
      {
        kind: 'replace',
        path: `${lastRun}.${makeRandom()}`,
        to: lastRun,
        content: formatLastRun({ ...shortenedRun(run), usedMs: Date.now() }),
      },
    ],
  };
}

/** Throws `leftToNode` unless it is the clone of the session, at its place. */
async function checkClone(
  clone: { readonly id: string; readonly guid: string; readonly place: string; readonly record: string },
  ask: Connection['ask'],
): Promise<void> {
  const told = await askClient({ paths: [clone.place], files: [clone.record] }, ask);
  const record = parseCloneRecord(told.files.get(clone.record) ?? '');
  const found = told.status.get(clone.place);
  const isThere = found !== undefined && record?.device === found.device && record.inode % 2 ** 32 === found.inode;
  if (!isThere || record.id !== clone.id || record.guid !== clone.guid || placeOf(record.rootfs) !== clone.place) throw leftToNode;
}
