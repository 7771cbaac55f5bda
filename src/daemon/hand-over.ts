import { planUserMaps } from '../engine/user-maps.ts';
import { IsolateError } from '../error.ts';
import { probeUser } from '../host/probe.ts';
import { type ChangedOwnership, type GivenPart, givenPart, type IdMaps, type Rootfs, type TreePart } from '../rootfs/rootfs.ts';
import type { Tree } from './tree.ts';
import type { DaemonLease } from './lease.ts';
import type { Peer } from './peer.ts';

type Recipient = Pick<Peer, 'uid' | 'gid' | 'rights'>;

/** A clone as its user gets it: the part of the launch's rootfs, and the tree for `mount`. */
export interface HandedOver {
  readonly part: GivenPart;
  readonly tree: Tree;
}

/**
 * Makes a clone ready to be handed over. Root gets it as it is. Other users get it with ids of their own: themselves as 0 and what
 * /etc/subuid and /etc/subgid give them. Throws `not-permitted` for a user without a place in a sandbox.
 */
export function handOver({ rootfs }: Pick<DaemonLease, 'rootfs'>, { uid, gid, rights }: Recipient): HandedOver {
  const part = treeOf(rootfs);
  if (rights === 'root') return giveToRoot(part);
  const idmapped = suits(part);
  if (!idmapped && part.ownership.kind !== 'mapped') throw new IsolateError('internal', `The files of ${part.source} have other owners.`);
  const maps = part.ownership.kind === 'mapped' ? part.ownership : mapsFor({ uid, gid });
  const { uidMap, gidMap } = maps;
  return {
    part: { kind: 'given', name: part.source, ownership: { kind: 'mapped', uidMap, gidMap }, idmappable: false },
    tree: { uid, gid, idmapped, uidMap, gidMap, path: part.source },
  };
}

/** The owners that the files of a clone need before it can be handed over; null: it suits as it is. Throws `not-permitted`. */
export function ownersFor(rootfs: Rootfs, { uid, gid, rights }: Recipient): ChangedOwnership | null {
  if (rights === 'root' || suits(treeOf(rootfs))) return null;
  return { kind: 'mapped', ...mapsFor({ uid, gid }) };
}

function suits({ idmappable, ownership }: TreePart): boolean {
  return idmappable && ownership.kind === 'natural';
}

function mapsFor(user: Pick<Peer, 'uid' | 'gid'>): IdMaps {
  checkRecipient(user);
  return planUserMaps(probeUser(user.uid, user.gid));
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
