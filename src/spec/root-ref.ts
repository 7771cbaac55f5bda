/** What makes a throw-away clone of a directory: an overlay, snapshots of btrfs, or a copy whose files share their blocks with it. */
export const directoryStorages = ['overlay', 'btrfs', 'dir'] as const;
export type DirectoryStorage = (typeof directoryStorages)[number];

/** What a sandbox runs on, as requested. `session`: on its clone instead of a new one. */
export type RootRef =
  /** A fresh clone of a template's newest state, by its name in the storage: a dataset (-z). */
  | { readonly kind: 'volume'; readonly locator: string; readonly session?: string }
  /** A directory of the host: itself, whose changes stay, or a throw-away clone of it (-t). `storage` of a clone; absent: an overlay. */
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly write: 'direct' | 'clone';
      readonly storage?: DirectoryStorage;
      readonly session?: string;
    };

/** Its name for the user. */
export function rootName(root: RootRef): string {
  return root.kind === 'volume' ? root.locator : root.path;
}

/** Whether the run's changes are thrown away. */
export function isThrownAway(root: RootRef): boolean {
  return root.kind === 'volume' || root.write === 'clone';
}

/** A throw-away clone of a directory. */
export function isDirectoryClone(root: RootRef): boolean {
  return root.kind === 'directory' && root.write === 'clone';
}

/** A directory below a layer of the run's own. */
export function isOverlaid(root: RootRef): boolean {
  return root.kind === 'directory' && root.write === 'clone' && (root.storage ?? 'overlay') === 'overlay';
}
