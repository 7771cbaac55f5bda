import type { Verb } from './verbs.ts';

/** A parsed command line: every option by its long name, values byte for byte, and the words that are not options. */
export interface ParsedArguments {
  readonly verb: Verb;
  /** The verb was typed. */
  readonly isTyped?: true;
  /** The name behind `@`, of a run. */
  readonly preset?: string;
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  /** Of options that may be repeated, in the order they were given. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** The command of a run, or the words of another verb. */
  readonly words: readonly string[];
}
