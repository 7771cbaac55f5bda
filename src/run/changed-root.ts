import type { Facts } from '../host/facts.ts';
import { makeBaseIn } from '../pool/lease/base.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool } from '../pool/pool.ts';
import { type Ownership, placeOf } from '../rootfs/rootfs.ts';
import type { ChangedTrees } from '../storage/driver.ts';

/** A root and what it was made of, while both can be read. */
export interface ChangedRoot {
  readonly facts: Facts;
  readonly trees: ChangedTrees;
  /** How the files of both are owned. */
  readonly ownership: Ownership;
}

/** Gives `action` a leased root and what it was made of. Throws the storage's error. */
export async function withChangedRoot<T>(
  pool: Pool,
  facts: Facts,
  { id, rootfs, onShelf }: Lease,
  action: (root: ChangedRoot) => Promise<T>,
): Promise<T> {
  const clone = (await pool.driver.list()).find((each) => each.id === id);
  if (clone === undefined) throw new Error('A leased clone is not there.');
  const trees = await pool.driver.openChanges(clone, onShelf?.seenAt ?? placeOf(rootfs), makeBaseIn(pool));
  try {
    const [{ ownership }] = rootfs.parts;
    return await action({ facts, trees, ownership });
  } finally {
    await trees.close();
  }
}
