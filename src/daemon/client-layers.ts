import { join } from 'node:path';

import { isSubvolumeRoot, refusesUpperLayers } from '../host/filesystem.ts';
import type { PathFacts } from '../host/facts.ts';
import type { MadeFile } from '../launch/launch.ts';
import { type HolderId, isAlive } from '../pool/holder.ts';
import { type PoolPaths, poolPaths, type RuntimePaths, runtimePaths } from '../pool/paths.ts';
import { pidNamespaceFile, readOwnPidNamespace } from '../pool/pid-namespace.ts';
import { randomId } from '../pool/state/memory.ts';
import { formatLeaseName, parseLeaseName } from '../pool/state/state-file.ts';
import type { OverlayPart } from '../rootfs/rootfs.ts';
import { findStatePlace } from '../run/own-places.ts';
import type { RootRef } from '../spec/root-ref.ts';
import { ownershipOf } from '../storage/directory.ts';
import { type CloneLayout, parseCloneDirectory } from '../storage/clones/layout.ts';
import { overlayLayout } from '../storage/overlay/layout.ts';
import { items } from '../wire/schema.ts';
import { askClient, type ClientQuestions, type Told } from './ask-client.ts';
import { leftToNode } from './client-root.ts';
import type { Connection } from './connection.ts';

/** Throw-away layers over a directory, and their files. */
export interface ClientLayers {
  /** Of the clone: decimal digits. */
  readonly id: string;
  readonly part: OverlayPart;
  /** The client's launcher makes them, and removes them at the end in reverse order. */
  readonly files: readonly MadeFile[];
  /** What the client told, of its `tree` too. */
  readonly told: Told;
}

/** A directory of which a client has clones that are layers. */
type LayeredRoot = Extract<RootRef, { readonly kind: 'directory' }>;

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

/**
 * Asks for it, and for `more`. Throws `leftToNode` unless it is in order: the first run on a template, for example, makes all that the
 * others need.
 */
export async function askForState(
  { path: template }: LayeredRoot,
  more: Pick<ClientQuestions, 'tree' | 'files'>,
  holder: HolderId,
  { peer, ask }: Pick<Connection, 'peer' | 'ask'>,
  paths: RuntimePaths,
): Promise<ClientState> {
  const { variables } = await askClient({ variables: ['HOME'] }, ask);
  if (peer.rights === 'user' && variables.get('HOME')?.startsWith('/') !== true) throw leftToNode;
  const state = findStatePlace(peer.uid, Object.fromEntries(variables)).path;
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

/**
 * Plans the layers of a client's run in the client's own state, as the overlay driver makes them. A run that finds what a dead run left is
 * left to the program in Node.
 */
export async function planLayers(
  root: LayeredRoot,
  tree: NonNullable<ClientQuestions['tree']>,
  holder: HolderId,
  connection: Pick<Connection, 'peer' | 'ask'>,
  paths: RuntimePaths,
): Promise<ClientLayers> {
  const { path: template, storage } = root;
  const state = await askForState(root, { tree }, holder, connection, paths);
  const { told, layout, pool, lower, entries } = state;
  if (storage === undefined && isBetterCloned(told.status, template, layout.directory)) throw leftToNode;
  const [leased, retired, kept = []] = [pool.leased, pool.retired, pool.kept].map((path) => told.lists.get(path));
  if (hasRemains(entries, { leased, retired, kept }, holder.bootId)) throw leftToNode;
  const id = randomId(Date.now());
  const upperParent = layout.clone(id, 'live');
  return {
    id,
    told,
    part: layersPart(state, template, upperParent),
    files: [
      // Made before the layers, so that a run that cleans up after dead runs sees that these have a living holder.
      {
        kind: 'file',
        path: join(pool.leased, formatLeaseName(id, holder)),
        mode: 0o600,
        existing: 'refused',
        end: 'removed',
        content: '\n',
      },
      { kind: 'directory', path: upperParent, mode: 0o700, existing: 'refused', end: 'removed' },
      { kind: 'directory', path: join(upperParent, 'upper'), mode: lower.mode, existing: 'refused', end: 'stays' },
      { kind: 'directory', path: join(upperParent, 'work'), mode: 0o755, existing: 'refused', end: 'stays' },
      { kind: 'directory', path: join(upperParent, 'merged'), mode: 0o755, existing: 'refused', end: 'stays' },
    ],
  };
}

/** Whether something else than layers may be better: then the program in Node looks and chooses (`chooseStorage`). */
function isBetterCloned(status: Told['status'], template: string, layers: string): boolean {
  const lower = status.get(template);
  return (lower !== undefined && isSubvolumeRoot(lower)) || refusesUpperLayers(status.get(layers)?.magic ?? 0);
}

/** Used in questions and as a path, because HOME may be anything. */
function isTooLong(path: string): boolean {
  return Buffer.byteLength(path) > items['stat-path'].size;
}

/** Each one costs a look at /proc, during which nobody else is served. */
const mostLeases = 256;

/** The names in the directories of the clones' states; undefined: there is none, so something has to be made first. */
interface StateNames {
  readonly leased: readonly string[] | undefined;
  readonly retired: readonly string[] | undefined;
  readonly kept: readonly string[];
}

/** Whether some layers or leases belong to no living run and no session, or are too many to check. */
function hasRemains(entries: readonly string[], { leased, retired, kept }: StateNames, bootId: string): boolean {
  if (leased === undefined || retired === undefined || retired.length > 0 || leased.length > mostLeases) return true;
  const known = new Set(kept);
  for (const name of leased) {
    const lease = parseLeaseName(name);
    if (lease === null || !isAlive(lease.holder, bootId)) return true;
    known.add(lease.id);
  }
  return entries.some((name) => {
    const clone = parseCloneDirectory(name);
    return clone !== null && (clone.stage === 'gone' || !known.has(clone.id));
  });
}
