import type { OverlayLayout } from './layout.ts';

export interface OverlayOptions {
  /** Durable state on disk, because upper layers may grow. */
  readonly stateDirectory: string;
  readonly canIdmap: (path: string) => boolean;
  /** Removes a whole tree; a plain user's may contain files of subordinate ids, which only a user namespace can remove. */
  readonly removeTree: (path: string) => Promise<void>;
  /** Bytes on disk of a whole tree, whatever ids its files have. */
  readonly measureTree: (path: string) => Promise<number>;
}

/** What the parts of the driver share. */
export interface OverlayContext extends OverlayOptions {
  readonly template: string;
  readonly layout: OverlayLayout;
}
