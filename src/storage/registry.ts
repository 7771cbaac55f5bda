import type { RunCommand } from '../process/command.ts';
import type { RootRef } from '../spec/root-ref.ts';
import type { StorageDriver } from './driver.ts';

/** What drivers need from the host; each takes its part. */
export interface StorageOptions {
  readonly tools: { readonly zfs: string | null; readonly zpool: string | null };
  readonly run: RunCommand;
  /** Durable state: /var/lib/isolate for root. */
  readonly stateDirectory: string;
  /** Whether the file system a path is on can be mounted idmapped. */
  readonly canIdmap: (path: string) => boolean;
  /** Called once with the reason when the storage takes long to answer; not a full sentence. */
  readonly onWaiting?: ((message: string) => void) | undefined;
  /** Removes a whole tree, whatever ids its files have. */
  readonly removeTree: (path: string) => Promise<void>;
  /** Bytes on disk of a whole tree, whatever ids its files have. */
  readonly measureTree: (path: string) => Promise<number>;
}

/**
 * Opens the driver for a root that is cloned. zfs runs one command (`zfs version`); overlay only looks at the directory.
 * Throws `bad-name`, `missing-tool`, `template-missing`, `template-not-filesystem`, `not-permitted`.
 */
export async function openStorage(root: RootRef, options: StorageOptions): Promise<StorageDriver> {
  if (root.kind === 'volume') {
    const { openZfs } = await import('./zfs/driver.ts');
    return openZfs(root.locator, options);
  }
  const { describeDirectory } = await import('./directory.ts');
  describeDirectory(root.path);
  const { openOverlay } = await import('./overlay/driver.ts');
  return openOverlay(root.path, options);
}
