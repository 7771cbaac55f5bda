import type { OptionValues } from '../../spec/options/values.ts';

/** What the settings of a host, a user or a project say about runs. */
export interface RunSettings {
  /** The template of a run that names no root: a name, a dataset or a directory; absent: not set. */
  readonly template?: string;
  /** The engine of such a run, and of a run on `--clone`; absent: not set. */
  readonly engine?: string;
  readonly presets: ReadonlyMap<string, Preset>;
  /** The words that the first word of a command line stands for. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/** Options of a run under a name. */
export interface Preset {
  /** Presets whose options come before its own, in this order. */
  readonly use: readonly string[];
  readonly options: OptionValues;
  /** For a run without a command; empty: none. */
  readonly command: readonly string[];
}

/** The settings in one file. */
export interface Layer extends RunSettings {
  /** The path of the file. */
  readonly origin: string;
}

/** Where relative paths in a file lead. */
export interface Anchor {
  /** What `~/` stands for; null: nothing. */
  readonly home: string | null;
  /** The directory that relative paths begin in; null: that of the run. */
  readonly directory: string | null;
}
