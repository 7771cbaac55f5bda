import type { Verb } from './options.ts';

/** A parsed command line: every option by its long name, values byte for byte, and the words that are not options. */
export interface ParsedArguments {
  readonly verb: Verb;
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  /** Of options that may be repeated, in the order they were given. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** The command of a run, or the words of another verb. */
  readonly words: readonly string[];
}
