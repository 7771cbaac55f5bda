import type { Stats } from 'node:fs';

import type { Rootfs } from '../../rootfs/rootfs.ts';
import type { DirectoryFacts } from '../directory.ts';
import type { ChangedTrees, StorageHealth } from '../driver.ts';
import type { CloneLayout } from './layout.ts';

/** A directory of a clone. */
export interface CloneDirectory {
  readonly path: string;
  readonly stats: Stats;
}

/** What clones of one kind have in a directory of their own, and how that is made and removed. */
export interface CloneKind {
  readonly name: string;
  readonly template: string;
  readonly layout: CloneLayout;
  /** As `StorageDriver.probe`, of a template that is there. */
  readonly probe: () => Promise<Omit<StorageHealth, 'freeFraction'>>;
  /** Called with the directory of all clones, which has just been made if it was missing. */
  readonly checkPlace: (directory: string) => void;
  /** Fills the empty directory of a new clone. */
  readonly fill: (directory: string, template: DirectoryFacts) => Promise<void>;
  readonly rootfs: (directory: string, template: DirectoryFacts) => Rootfs;
  /** What identifies each clone. The device of its directory does not, because its number may change at a reboot. */
  readonly identify: (directories: readonly CloneDirectory[]) => Promise<readonly string[]>;
  /** Makes what a clone has now outlive a crash of the host. */
  readonly flush: (directory: string) => Promise<void>;
  /** Bytes on disk that only this clone uses; absent: other clones share what it has. */
  readonly measure?: (directory: string) => Promise<number>;
  /** Removes the directory of a clone with everything in it. */
  readonly remove: (directory: string) => Promise<void>;
  readonly openChanges: (directory: string, seenAt: string, createdMs: number) => ChangedTrees;
}

/** The number of the directory, as all clones of a template are on one file system. */
export async function identifyByInode(directories: readonly CloneDirectory[]): Promise<readonly string[]> {
  return directories.map(({ stats }) => String(stats.ino));
}
