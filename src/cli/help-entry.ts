/** A command line, and what it does. */
export type Example = readonly [line: string, meaning: string];

/** What help says about a verb. */
export interface VerbHelp {
  /** How it is called. */
  readonly form: string;
  /** A clause in the imperative, without a full stop. */
  readonly summary: string;
  /** What else to know before the options. */
  readonly more?: string;
  readonly examples: readonly Example[];
}
