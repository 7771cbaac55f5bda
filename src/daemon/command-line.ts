import type { RunRequest } from '../spec/request.ts';

/** A command line that was parsed and is a run's. */
export interface ParsedRun {
  readonly request: RunRequest;
  readonly quiet: boolean;
  /** Every option that was given is one that the launcher alone can carry through. */
  readonly carriedByLauncher: boolean;
}

/** What the daemon needs of the command line, which is a layer above it. */
export interface CommandLine {
  /** Null: another verb, another form, or wrong. */
  readonly parse: (argv: readonly string[]) => ParsedRun | null;
  /** What the program writes to standard error for an error that ends a run. */
  readonly renderError: (error: unknown) => string;
  /** The same for what is no error. */
  readonly renderNotice: (message: string) => string;
  /** Exit status of a run that an error ended. */
  readonly errorStatus: number;
}
