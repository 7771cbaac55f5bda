/** How a run ended. `not-executed`: the command was not found in the sandbox, or found and not executable. */
export type Outcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'not-executed'; readonly errno: string };

/** What happens on the way of a run, for those who watch it. */
export type RunEvent =
  /** The command runs. */
  | { readonly kind: 'started' }
  /** Something its user should know: isolation given away, changes that stay. One full sentence. */
  | { readonly kind: 'warning'; readonly message: string };
