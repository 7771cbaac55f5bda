import type { RunRequest } from '../spec/request.ts';
import type { StatusSource } from '../status/status-source.ts';

/** A command line that was parsed and is a run's. */
export interface ParsedRun {
  readonly request: RunRequest;
  readonly quiet: boolean;
  /** Every option that was given is one that the launcher alone can carry through. */
  readonly carriedByLauncher: boolean;
}

/** Who reads a view, in a window of how many columns; null: of as many as it needs. */
export interface Reader {
  readonly uid: number;
  readonly width: number | null;
}

/** What a command line wants to see, as text. */
export type View = (source: Pick<StatusSource, 'status' | 'runs'>, reader: Reader) => Promise<string>;

/** What the daemon needs of the command line, which is a layer above it. */
export interface CommandLine {
  /** Null: another verb, another form, or wrong. */
  readonly parse: (argv: readonly string[]) => ParsedRun | null;
  /** Null: it wants something else, or what only the program in Node does. */
  readonly view: (argv: readonly string[]) => View | null;
  /** What the program writes to standard error for an error that ends a run. */
  readonly renderError: (error: unknown) => string;
  /** The same for what is no error. */
  readonly renderNotice: (message: string) => string;
  /** Exit status of a run that an error ended. */
  readonly errorStatus: number;
}
