import type { ReportLine } from '../launch/report.ts';
import type { CommandLog } from '../log.ts';
import type { RunEvent } from '../run/run-event.ts';
import type { RunRequest } from '../spec/request.ts';
import type { StatusSource } from '../status/status-source.ts';
import type { Rights } from '../host/rights.ts';

/** How the caller of a run is told of it. */
export interface RunVoice {
  /** What is written of its start and its end. */
  readonly lines: readonly ReportLine[];
  /** What `--status-fd` names; null: nothing. */
  readonly statusDescriptor: number | null;
  /** Signals that do not end the wait for a clone. */
  readonly ignoredSignals: readonly NodeJS.Signals[];
  /** What is written to standard error of an event; empty: nothing. `isWatched`: it is a terminal. */
  readonly render: (event: RunEvent, isWatched: boolean) => string;
  /** What is written there of an error that ends the run. */
  readonly renderError: (error: unknown) => string;
  /** The log of `-x`, written line by line; null: it is not wanted. */
  readonly openLog: ((write: (line: string) => void) => Promise<CommandLog>) | null;
}

/** A command line that was parsed and is a run's. */
export interface ParsedRun {
  readonly request: RunRequest;
  /** Every option that was given is one that the launcher alone can carry through. */
  readonly carriedByLauncher: boolean;
  readonly voice: RunVoice;
}

/** Who reads a view, in a window of how many columns; null: of as many as it needs. */
export interface Reader {
  readonly rights: Rights;
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
  /** What the program writes to standard error for an error that ends a request. */
  readonly renderError: (error: unknown) => string;
  /** Exit status of a run that an error ended. */
  readonly errorStatus: number;
}
