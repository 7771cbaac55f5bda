import { lstat } from 'node:fs/promises';
import type { StoredOwnership } from '../rootfs/rootfs.ts';
import { idsPerSandbox } from '../spec/parse-number.ts';
import { changeOwners } from './change-owners.ts';

type Shift = Extract<StoredOwnership, { kind: 'shifted' }>;

/** Adds the bases to the owners of `root` and every file below it; does nothing if an earlier walk was completed. */
export async function shiftOwners(root: string, { uidBase, gidBase }: Shift): Promise<void> {
  const top = await lstat(root);
  if (top.uid === uidBase && top.gid === gidBase && (uidBase !== 0 || gidBase !== 0)) return;
  await changeOwners(root, { uid: (id) => shifted(id, uidBase), gid: (id) => shifted(id, gidBase) });
}

/** An interrupted walk may be repeated: ids already in the range stay, because the ranges cannot overlap. */
function shifted(id: number, base: number): number {
  const done = base >= idsPerSandbox && id >= base && id < base + idsPerSandbox;
  return done || id >= idsPerSandbox ? id : base + id;
}
