import type { DirectoryStorage } from '../spec/root-ref.ts';

/** Who does the steps of a run. */
export type WayName = 'node' | 'daemon';

/** What happens during a run, for observers. */
export type RunEvent =
  /** Which way the run takes: this process's own, or the daemon's. */
  | { readonly kind: 'way'; readonly way: WayName }
  /** What makes the clone of a directory. */
  | { readonly kind: 'storage'; readonly storage: DirectoryStorage }
  /** The root is ready and the engine is about to start this command; from here on signals go to it. */
  | { readonly kind: 'launching'; readonly command: readonly string[] }
  /** The command runs. */
  | { readonly kind: 'started' }
  /** A request weakens the isolation, or changes stay. One full sentence. */
  | { readonly kind: 'notice'; readonly message: string }
  /** The run has waited for a second; says what for. For somebody who watches, so only for a terminal. */
  | { readonly kind: 'waiting'; readonly message: string }
  /** Something that the user did not ask for and should know. One full sentence. */
  | { readonly kind: 'warning'; readonly message: string };
