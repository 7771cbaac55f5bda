/** What happens on the way of a run, for those who watch it. */
export type RunEvent =
  /** Which way the run takes: this process's own, or the daemon's. */
  | { readonly kind: 'way'; readonly way: 'node' | 'daemon' }
  /** The root is there and the engine is about to be started: from here on signals are the command's. */
  | { readonly kind: 'launching' }
  /** The command runs. */
  | { readonly kind: 'started' }
  /** What was asked for and takes from the isolation, or stays. One full sentence. */
  | { readonly kind: 'notice'; readonly message: string }
  /** The run waits, and has waited for a second: what for. For somebody who looks on, so for a terminal. */
  | { readonly kind: 'waiting'; readonly message: string }
  /** Something its user did not ask for and should know. One full sentence. */
  | { readonly kind: 'warning'; readonly message: string };
