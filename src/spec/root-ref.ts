/** What a sandbox runs on, as it was asked for. */
export type RootRef =
  /** A fresh clone of the newest state of a template that a storage knows by this name: a dataset (-z). */
  | { readonly kind: 'volume'; readonly locator: string }
  /** A directory of the host: itself, whose changes stay, or a throw-away clone of it (-t). */
  | { readonly kind: 'directory'; readonly path: string; readonly write: 'direct' | 'clone' };

/** What its user calls it. */
export function rootName(root: RootRef): string {
  return root.kind === 'volume' ? root.locator : root.path;
}

/** What the run changes in it is gone with the run. */
export function isThrownAway(root: RootRef): boolean {
  return root.kind === 'volume' || root.write === 'clone';
}

/** A directory below a layer of the run's own. */
export function isOverlaid(root: RootRef): boolean {
  return root.kind === 'directory' && root.write === 'clone';
}
