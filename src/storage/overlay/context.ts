import type { OverlayLayout } from './layout.ts';

export interface OverlayOptions {
  /** Durable state, on disk: upper layers may grow. */
  readonly stateDirectory: string;
  readonly canIdmap: (path: string) => boolean;
  /** Removes a tree whole; a plain user's may hold files of subordinate ids, which only a user namespace can remove. */
  readonly removeTree: (path: string) => Promise<void>;
}

/** What the driver's parts share. */
export interface OverlayContext extends OverlayOptions {
  readonly template: string;
  readonly layout: OverlayLayout;
}
