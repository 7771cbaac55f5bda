import type { RunCommand } from '../process/command.ts';
import type { RootRef } from '../spec/root-ref.ts';
import { findHome } from './clones/home.ts';
import type { StorageDriver } from './driver.ts';
import { overlayDirectory } from './overlay/layout.ts';

/** What drivers need from the host; each takes its part. */
export interface StorageOptions {
  readonly tools: { readonly zfs: string | null; readonly zpool: string | null };
  readonly run: RunCommand;
  /** Durable state: /var/lib/isolate for root. */
  readonly stateDirectory: string;
  /** Whether the file system a path is on can be mounted idmapped. */
  readonly canIdmap: (path: string) => boolean;
  /** The template may have been removed, and only what it left is wanted. */
  readonly mayBeGone?: boolean;
  /** Called once with the reason when the storage takes long to answer; not a full sentence. */
  readonly onWaiting?: ((message: string) => void) | undefined;
  /** Removes a whole tree, whatever ids its files have. */
  readonly removeTree: (path: string) => Promise<void>;
  /** Bytes on disk of a whole tree, whatever ids its files have. */
  readonly measureTree: (path: string) => Promise<number>;
  /** Copies a tree into an empty directory; each file shares its blocks with the original, or it throws. */
  readonly copyTree: (from: string, to: string) => Promise<void>;
  /** Runs a program with the ids of the caller's sandboxes. */
  readonly runWithIds: RunCommand;
  /** isolate-tree. */
  readonly tree: string;
}

/** The directory of a template's and others' clones that one pid namespace uses at a time. Throws `cannot-enforce`. */
export function sharedDirectory(root: Extract<RootRef, { readonly kind: 'directory' }>, stateDirectory: string): string {
  const { storage = 'overlay', path } = root;
  return storage === 'overlay' ? overlayDirectory(stateDirectory) : findHome(storage, path, stateDirectory).shared;
}

/**
 * Opens the driver for a root that is cloned. zfs runs one command (`zfs version`); the others only look at the
 * directory. Throws `bad-name`, `missing-tool`, `template-missing`, `template-not-filesystem`, `not-permitted`, `cannot-enforce`.
 */
export async function openStorage(root: RootRef, options: StorageOptions): Promise<StorageDriver> {
  if (root.kind === 'volume') {
    const { openZfs } = await import('./zfs/driver.ts');
    return openZfs(root.locator, options);
  }
  const { describeDirectory } = await import('./directory.ts');
  if (options.mayBeGone !== true) describeDirectory(root.path);
  switch (root.storage ?? 'overlay') {
    case 'overlay':
      return (await import('./overlay/driver.ts')).openOverlay(root.path, options);
    case 'btrfs':
      return (await import('./btrfs/driver.ts')).openBtrfs(root.path, options);
    case 'dir':
      return (await import('./dir/driver.ts')).openDir(root.path, options);
  }
}
