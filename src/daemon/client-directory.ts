import type { Found } from '../host/resolve-beneath.ts';
import { logEvent } from '../log.ts';
import type { HolderId } from '../pool/holder.ts';
import { type Rootfs, rootfsOf } from '../rootfs/rootfs.ts';
import { describeRun } from '../run/describe-run.ts';
import { lookIntoRoot, mountpointsOf, type RootView, treeOf } from '../run/look-into-root.ts';
import type { Prepared } from '../run/prepared.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import { isThrownAway } from '../spec/root-ref.ts';
import { ownershipOf } from '../storage/directory.ts';
import type { Item } from '../wire/frame.ts';
import { askClient } from './ask-client.ts';
import { claimRunFor } from './claim-run.ts';
import { planLayers } from './client-layers.ts';
import { checkNotNested, type ClientLease, type ClientRoot, leftToNode, placeFor, type RunServices } from './client-root.ts';
import type { Connection } from './connection.ts';
import { type Held, holdFor } from './held.ts';
import { shortenCommand } from './shorten-command.ts';

/** What a client has while it works on a directory. */
export interface DirectoryLease extends ClientLease {
  /** Of the clone; null: it works on the directory itself. */
  readonly id: string | null;
  readonly holder: HolderId;
}

/** A directory that the client may work on itself, or layers of its own over one. The daemon looks at nothing in it: the client tells what is there. */
export function directoryRoot(connection: Connection, services: RunServices): ClientRoot<DirectoryLease> {
  const { peer, closed: signal } = connection;
  const { holder } = peer;
  let held: Held | null = null;
  return {
    lease: async ({ spec }) => {
      const { root } = spec;
      const countOff = root.kind === 'directory' && holder !== null ? services.countRun(peer.uid) : null;
      if (root.kind !== 'directory' || holder === null || countOff === null) throw leftToNode;
      held = holdFor({ signal, warn: (message) => logEvent('warn', { event: 'state', template: root.path }, message) });
      held.defer(countOff);
      if (root.write === 'clone') {
        const { id, part, files } = await planLayers(root.path, holder, connection, services.paths);
        return { ...held, id, rootfs: rootfsOf(part), files, holder };
      }
      const facts = (await askClient({ paths: [root.path] }, connection.ask)).paths.get(root.path);
      if (facts?.kind !== 'directory') throw leftToNode;
      const rootfs = rootfsOf({ kind: 'tree', source: root.path, ownership: ownershipOf(facts), idmappable: facts.idmappable });
      return { ...held, id: null, rootfs, holder };
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
    place: async (lease, { spec, facts }) => {
      const { id, rootfs, holder: own } = lease;
      const description = { ...describeRun(spec, id, peer.uid, Date.now()), command: shortenCommand(spec.command) };
      const run = claimRunFor(own, services.paths, description);
      lease.defer((runsOn) => runsOn || run.remove());
      return placeFor(services, { facts, rootfs, runId: run.runId, holder: own }, lease);
    },
    release: (outcome) => held?.release(outcome),
  };
}

async function askToLook({ spec, engine: { capabilities } }: Prepared, rootfs: Rootfs, { ask }: Connection): Promise<RootView> {
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
