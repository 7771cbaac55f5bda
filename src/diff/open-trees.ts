import type { Facts } from '../host/facts.ts';
import type { Ownership } from '../rootfs/rootfs.ts';
import type { ChangedTrees } from '../storage/driver.ts';

/** Trees that can be read now. */
export interface OpenTrees {
  readonly facts: Facts;
  readonly trees: ChangedTrees;
  /** How the files of both are owned. */
  readonly ownership: Ownership;
}
