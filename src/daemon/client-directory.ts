import type { Found } from '../host/resolve-beneath.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';

import { claimRun } from '../pool/claims/runs.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';
import { lookIntoRoot, mountpointsOf, type RootView, treeOf } from '../run/look-into-root.ts';
import { claimIds } from '../run/place.ts';
import type { Prepared } from '../run/prepared.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import { isThrownAway, rootName } from '../spec/root-ref.ts';
import { ownershipOf } from '../storage/directory.ts';
import type { Item } from '../wire/frame.ts';
import { askClient } from './ask-client.ts';
import { planLayers } from './client-layers.ts';
import { checkNotNested, type ClientLease, type ClientRoot, leftToNode, type RunServices } from './client-root.ts';
import type { Connection } from './connection.ts';
import { brokerGone } from './gone.ts';
import type { LeaseOutcome } from './lease.ts';
import { shortenCommand } from './shorten-command.ts';

/** What is given back when the run is over, or with `runsOn` by the next refresh after it. */
type Release = (runsOn: boolean) => void;

/** What a client has while it works on a directory. */
export interface DirectoryLease extends ClientLease {
  /** Of the clone; null: it works on the directory itself. */
  readonly id: string | null;
}

/** A directory that the client may work on itself, or layers of its own over one. The daemon looks at nothing in it: the client tells what is there. */
export function directoryRoot(connection: Connection, services: RunServices): ClientRoot<DirectoryLease> {
  const { peer, closed } = connection;
  const { holder } = peer;
  const releases: Release[] = [];
  const release: Release = (runsOn) => {
    for (const one of releases.splice(0).toReversed()) one(runsOn);
  };
  return {
    lease: async ({ spec }) => {
      const { root } = spec;
      if (root.kind !== 'directory' || holder === null) throw leftToNode;
      const countOff = services.countRun(peer.uid);
      if (countOff === null) throw leftToNode;
      releases.push(countOff);
      const ended = untilClosed(closed, release);
      if (root.write === 'clone') {
        const { id, part, files } = await planLayers(root.path, holder, connection, services.paths);
        return { id, rootfs: rootfsOf(part), files, ended };
      }
      const facts = (await askClient({ paths: [root.path] }, connection.ask)).paths.get(root.path);
      if (facts?.kind !== 'directory') throw leftToNode;
      const rootfs = rootfsOf({ kind: 'tree', source: root.path, ownership: ownershipOf(facts), idmappable: facts.idmappable });
      return { id: null, rootfs, files: [], ended };
    },
    look: async ({ rootfs }, prepared) => {
      const { spec } = prepared;
      // Whether a user may make places or enter a directory there only its own process can tell.
      if (peer.uid !== 0 && spec.workingDirectory !== '/') throw leftToNode;
      const view = await askToLook(prepared, rootfs, connection);
      if (peer.uid !== 0 && !isThrownAway(spec.root) && lacksAny(view)) throw leftToNode;
      checkNotNested(spec, view);
      return view;
    },
    place: async ({ id, rootfs }, { spec, engine, facts }) => {
      if (holder === null) throw leftToNode;
      ensureRuntimeDirectories(services.paths, 0);
      const description = { template: rootName(spec.root), clone: id, engine: engine.name, command: shortenCommand(spec.command) };
      const run = claimRun(services.paths, { ...description, uid: peer.uid, sinceMs: Date.now() }, holder);
      releases.push((runsOn) => runsOn || run.remove());
      const ids = claimIds(services.paths, facts, rootfs, holder);
      if (ids !== null) releases.push((runsOn) => runsOn || ids.release());
      return { rootfs, runId: run.runId, idSlot: ids?.slot ?? 0, sandboxDirectory: services.paths.sandbox };
    },
    release: () => release(false),
  };
}

/** A client that lost its broker may run on. */
function untilClosed(closed: AbortSignal, release: Release): Promise<LeaseOutcome> {
  return new Promise((resolve) => {
    const end = (): void => {
      const runsOn = closed.reason === brokerGone;
      release(runsOn);
      resolve({ kind: runsOn ? 'left' : 'closed' });
    };
    if (closed.aborted) end();
    else closed.addEventListener('abort', end, { once: true });
  });
}

async function askToLook(
  { spec, engine: { capabilities } }: Prepared,
  rootfs: Parameters<typeof treeOf>[1],
  { ask }: Connection,
): Promise<RootView> {
  const tree = treeOf(spec, rootfs);
  const targets = targetsToLookAt(spec, capabilities);
  const wanted = [...new Set([...mountpointsOf(capabilities), ...targets])];
  const message = await ask([{ name: 'tree-path', value: tree.path }, ...wanted.map((value): Item => ({ name: 'look-path', value }))]);
  const places = new Map(message.items.map((item, index) => [wanted[index] ?? '', placeOf(item)]));
  return lookIntoRoot(tree, targets, capabilities, (target, hidden) => {
    if (isWithin(target, hidden)) return { path: target, kind: 'hidden' };
    const found = places.get(target);
    if (found === undefined || found === null || isWithin(found.path, hidden)) throw leftToNode;
    return found;
  });
}

const kinds: readonly Found['kind'][] = ['directory', 'other', 'missing'];

/** Null: something is odd with it. */
function placeOf({ name, value }: Item): Found | null {
  if (name !== 'found' || !(value instanceof Uint8Array) || value.length < 4) return null;
  const kind = kinds[new DataView(value.buffer, value.byteOffset).getUint32(0, true) - 1];
  const path = decodePath(value.subarray(4));
  return kind === undefined || path === null ? null : { path: path === '' ? '/' : path, kind };
}

/** Null: it is no text, as the target of a link may be none. */
function decodePath(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Only of paths that go straight on is it certain. */
function isWithin(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`));
}

function lacksAny({ mountpoints, targets }: RootView): boolean {
  return mountpoints.missing.length > 0 || targets.some((found) => 'kind' in found && found.kind === 'missing');
}
