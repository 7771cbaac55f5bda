import type { HostDefaults } from '../config/runs/host-defaults.ts';
import type { SettingsCaller } from '../config/runs/load.ts';
import type { TemplatePlace } from '../template/places.ts';
import type { ReportLine } from '../launch/report.ts';
import type { CommandLog } from '../log.ts';
import type { RunEvent } from '../run/run-event.ts';
import type { RunRequest } from '../spec/request.ts';
import type { ClonedRoot } from '../session/record.ts';
import type { StatusSource } from '../status/status-source.ts';
import type { Rights } from '../host/rights.ts';

/** How the caller of a run hears about it. */
export interface RunVoice {
  /** What is written about its start and end; for a command that is not known yet, no words: only of a failure before it starts. */
  readonly lines: (command: readonly string[]) => readonly ReportLine[];
  /** What `--status-fd` names; null: nothing. */
  readonly statusDescriptor: number | null;
  /** Signals that do not end the wait for a clone. */
  readonly ignoredSignals: readonly NodeJS.Signals[];
  /** What is written to standard error about an event; empty: nothing. `isWatched`: it is a terminal. */
  readonly render: (event: RunEvent, isWatched: boolean) => string;
  /** What is written there about an error that ends the run. */
  readonly renderError: (error: unknown) => string;
  /** The log of `-x`, written line by line; null: not wanted. */
  readonly openLog: ((write: (line: string) => void) => Promise<CommandLog>) | null;
}

/** A parsed command line of a run. */
export interface ParsedRun {
  readonly request: RunRequest;
  /** The launcher alone can carry out every given option. */
  readonly carriedByLauncher: boolean;
  readonly voice: RunVoice;
  /** What its caller should know about the settings that it has. */
  readonly notices: readonly string[];
}

/** A parsed command line of a command for a run that is under way. */
export interface ParsedExec {
  /** An id, a PID or the name of a session. */
  readonly run: string;
  readonly command: readonly [string, ...string[]];
  /** As for `parseVariables`. */
  readonly variables: readonly string[];
  readonly voice: RunVoice;
}

/** The reader of a view and the columns of its window; null: as many as needed. */
export interface Reader {
  readonly rights: Rights;
  readonly width: number | null;
}

/** What a command line wants to see, as text. */
export type View = (source: Pick<StatusSource, 'status' | 'runs'>, reader: Reader) => Promise<string>;

/** What the settings of a client, and those of the host for it, are read by. */
export interface ClientSettings {
  readonly caller: SettingsCaller;
  readonly host: () => HostDefaults;
  /** Whether a store has a template of this name. Rejects with `daemon-failed` if that is for the program in Node to find out. */
  readonly has: (place: TemplatePlace, name: string) => Promise<boolean>;
  /** The root of a session of the client. Rejects where that is for the program in Node to find out. */
  readonly findSession: (name: string) => Promise<ClonedRoot>;
}

/** What the daemon needs from the command line, which is a layer above it. */
export interface CommandLine {
  /** Null: another verb, another form, wrong, or for `settle`. */
  readonly parse: (argv: readonly string[]) => ParsedRun | null;
  /** The same for a run that depends on settings, or on where a template is. Null also: somebody else finds out. */
  readonly settle: (argv: readonly string[], client: ClientSettings) => Promise<ParsedRun | null>;
  /** Null: it asks for something else, or for something that only the program in Node does. */
  readonly view: (argv: readonly string[]) => View | null;
  /** Null as for `view`. */
  readonly exec: (argv: readonly string[]) => ParsedExec | null;
  /** What the program writes to standard error for an error that ends a request. */
  readonly renderError: (error: unknown) => string;
  /** Exit status of a run that an error ended. */
  readonly errorStatus: number;
}

/**
 * Nobody else is served while a command line is parsed, and the time grows faster than the number of options. Longer ones are left to the
 * program in Node, at the caller's cost.
 */
const mostWords = 1024;
const mostCharacters = 16_384;

/** Whether a command line is left to the program in Node for its length. */
export function isLong(words: readonly string[]): boolean {
  return words.length > mostWords || words.reduce((sum, { length }) => sum + length, 0) > mostCharacters;
}
