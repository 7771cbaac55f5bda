import { lstat } from 'node:fs/promises';
import type { StoredOwnership } from '../rootfs/rootfs.ts';
import { changeOwners } from './change-owners.ts';

/** Ids of one sandbox range; those above stay as they are, because no sandbox can map them. */
const rangeSize = 65_536;

type Shift = Extract<StoredOwnership, { kind: 'shifted' }>;

/** Moves the owners of every file below and including `root` up by the bases; does nothing where a walk was finished before. */
export async function shiftOwners(root: string, { uidBase, gidBase }: Shift): Promise<void> {
  const top = await lstat(root);
  if (top.uid === uidBase && top.gid === gidBase && (uidBase !== 0 || gidBase !== 0)) return;
  await changeOwners(root, { uid: (id) => shifted(id, uidBase), gid: (id) => shifted(id, gidBase) });
}

/** A walk that was cut off may be repeated: ids already in the range stay, where the ranges cannot overlap. */
function shifted(id: number, base: number): number {
  const done = base >= rangeSize && id >= base && id < base + rangeSize;
  return done || id >= rangeSize ? id : base + id;
}
