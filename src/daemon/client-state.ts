import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import type { PathFacts } from '../host/facts.ts';
import type { HolderId } from '../pool/holder.ts';
import { type PoolPaths, poolPaths, type RuntimePaths, runtimePaths } from '../pool/paths.ts';
import { pidNamespaceFile, readOwnPidNamespace } from '../pool/pid-namespace.ts';
import type { OverlayPart } from '../rootfs/rootfs.ts';
import { findStatePlace } from '../run/own-places.ts';
import type { RootRef } from '../spec/root-ref.ts';
import type { CloneLayout } from '../storage/clones/layout.ts';
import { ownershipOf } from '../storage/directory.ts';
import { overlayLayout } from '../storage/overlay/layout.ts';
import { items } from '../wire/schema.ts';
import { askClient, type ClientQuestions, type Told } from './ask-client.ts';
import { leftToNode } from './client-root.ts';
import type { Connection } from './connection.ts';
import type { Peer } from './peer.ts';

/** A directory of which a client has clones that are layers. */
export type LayeredRoot = Extract<RootRef, { readonly kind: 'directory' }>;

/** The client's own state of a directory's layers, as it told. */
export interface ClientState {
  readonly told: Told;
  readonly layout: CloneLayout;
  readonly pool: PoolPaths;
  readonly lower: PathFacts;
  readonly upper: PathFacts;
  /** The names in the directory of the layers. */
  readonly entries: readonly string[];
}

/** Who has state, and where root's state of this boot is. */
export interface StateClient extends Pick<Connection, 'peer' | 'ask'> {
  readonly holder: HolderId;
  readonly paths: RuntimePaths;
}

/** Where the state of a client is that outlives a boot. Rejects with `daemon-failed` if only the client knows its home. */
export async function askForStateDirectory({ uid, rights }: Peer, ask: Connection['ask']): Promise<string> {
  if (rights === 'root') return findStatePlace(uid, {}).path;
  const home = (await askClient({ variables: ['HOME'] }, ask)).variables.get('HOME');
  if (home?.startsWith('/') !== true) throw new IsolateError('daemon-failed', 'The home of the client is in its user database.');
  return findStatePlace(uid, { HOME: home }).path;
}

/**
 * Asks for it in this directory, and for `more`. Throws `leftToNode` unless it is in order: the first run on a template, for example, makes all that the
 * others need.
 */
export async function askForState(
  { path: template }: LayeredRoot,
  state: string,
  more: Pick<ClientQuestions, 'tree' | 'files'>,
  { peer, ask, holder, paths }: StateClient,
): Promise<ClientState> {
  const layout = overlayLayout(state, template);
  // The leases of a user's layers are beside them.
  const pool = poolPaths(peer.rights === 'root' ? paths : runtimePaths(state), template);
  const namespaceFiles = [join(state, 'overlay', pidNamespaceFile), ...(peer.rights === 'root' ? [] : [join(state, pidNamespaceFile)])];
  const questions = {
    paths: [template, layout.directory],
    files: [...namespaceFiles, ...(more.files ?? [])],
    lists: [layout.directory, pool.leased, pool.retired, pool.kept],
  };
  if (Object.values(questions).flat().some(isTooLong)) throw leftToNode;
  const told = await askClient({ ...questions, ...(more.tree === undefined ? {} : { tree: more.tree }) }, ask);
  const lower = told.paths.get(template);
  const upper = told.paths.get(layout.directory);
  const entries = told.lists.get(layout.directory);
  if (lower?.kind !== 'directory' || upper?.uid !== peer.uid || entries?.includes('template') !== true) throw leftToNode;
  // The launcher makes everything with the rights of its caller.
  if (peer.rights === 'root' && (lower.uid !== 0 || lower.gid !== 0)) throw leftToNode;
  const own = `${readOwnPidNamespace()} ${holder.bootId}\n`;
  if (namespaceFiles.some((file) => told.files.get(file) !== own)) throw leftToNode;
  return { told, layout, pool, lower, upper, entries };
}

/** The layers of a clone over its directory. */
export function layersPart({ lower, upper }: Pick<ClientState, 'lower' | 'upper'>, template: string, upperParent: string): OverlayPart {
  const idmappable = { lower: lower.idmappable, upper: upper.idmappable };
  return { kind: 'overlay', lower: template, upperParent, ownership: ownershipOf(lower), idmappable };
}

/** Used in questions and as a path, because HOME may be anything. */
function isTooLong(path: string): boolean {
  return Buffer.byteLength(path) > items['stat-path'].size;
}
