import { planUserMaps } from '../engine/user-maps.ts';
import { IsolateError } from '../error.ts';
import { probeUser } from '../host/probe.ts';
import { type GivenPart, givenPart, type IdMaps, type Rootfs, type TreePart } from '../rootfs/rootfs.ts';
import { mapOwners } from '../storage/map-owners.ts';
import type { Tree } from './tree.ts';
import type { DaemonLease } from './lease.ts';
import type { Peer } from './peer.ts';

/** A clone as its user gets it: the part of the launch's rootfs, and the tree for `mount`. */
export interface HandedOver {
  readonly part: GivenPart;
  readonly tree: Tree;
}

export type HandOver = (
  lease: Pick<DaemonLease, 'rootfs' | 'seenAt' | 'defer'>,
  peer: Pick<Peer, 'uid' | 'gid' | 'rights'>,
  /** Called once if it takes longer than a second, with what is being done. */
  onLong?: (message: string) => void,
) => Promise<HandedOver>;

/** A client that waits longer is told why. */
const longMs = 1_000;

/**
 * What makes clones ready to be handed over. Root gets them as they are. Other users get them with ids of their own: themselves as 0 and what
 * /etc/subuid and /etc/subgid give them. Where storage cannot be mounted with other ids the clone's owners are changed,
 * for one clone of a user at a time. Rejects with `aborted` where the lease ends before, `storage-failed`, and `not-permitted` for a user without a place in a sandbox.
 */
export function createHandOver(): HandOver {
  const inTurn = takeTurns();
  return async (lease, { uid, gid, rights }, onLong) => {
    const part = treeOf(lease.rootfs);
    if (rights === 'root') return giveToRoot(part);
    checkRecipient({ uid, gid });
    const maps = planUserMaps(probeUser(uid, gid));
    const idmapped = part.idmappable && part.ownership.kind === 'natural';
    if (!idmapped) {
      const tell = setTimeout(() => onLong?.("changing the owners of the clone's files, which is slow on this storage"), longMs);
      await inTurn(uid, () => changeOwners(part, maps, lease)).finally(() => clearTimeout(tell));
    }
    return {
      part: { kind: 'given', name: part.source, ownership: { kind: 'mapped', ...maps }, idmappable: false },
      tree: { uid, gid, idmapped, ...maps, path: part.source },
    };
  };
}

/** Its launcher gives the tree the ids of the sandbox, as it does with one that is mounted on the host. */
function giveToRoot(part: TreePart): HandedOver {
  return { part: givenPart(part), tree: { uid: 0, gid: 0, idmapped: false, uidMap: [], gidMap: [], path: part.source } };
}

/** Drivers with pools make trees. */
function treeOf({ parts: [part] }: Rootfs): TreePart {
  if (part.kind !== 'tree') throw new IsolateError('internal', 'A clone of a pool is not a tree.');
  return part;
}

/** Throws `not-permitted` for users who cannot get a clone: root, and users with root's group. */
export function checkRecipient({ uid, gid }: Pick<Peer, 'uid' | 'gid'>): void {
  if (uid !== 0 && gid !== 0) return;
  throw new IsolateError('not-permitted', `A clone cannot be handed to ${uid}:${gid}: the host's root must not be in a sandbox.`);
}

async function changeOwners(
  { source, ownership }: TreePart,
  maps: IdMaps,
  { seenAt, defer }: Pick<DaemonLease, 'seenAt' | 'defer'>,
): Promise<void> {
  const ended = new AbortController();
  defer(() => ended.abort(new IsolateError('aborted', 'The client is gone.')));
  try {
    // A clone whose owners were changed belongs to that user for good, and is leased to nobody else.
    if (ownership.kind !== 'mapped') await mapOwners(seenAt, ownership, maps, ended.signal);
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    throw new IsolateError('storage-failed', `The owners of the files of ${source} cannot be changed.`, { cause });
  }
}

/** One action per user at a time, in order; actions of different users run concurrently. */
function takeTurns(): (uid: number, action: () => Promise<void>) => Promise<void> {
  const last = new Map<number, Promise<unknown>>();
  return async (uid, action) => {
    const own = (last.get(uid) ?? Promise.resolve()).then(action);
    const settled = own.catch(() => undefined);
    last.set(uid, settled);
    try {
      await own;
    } finally {
      if (last.get(uid) === settled) last.delete(uid);
    }
  };
}
