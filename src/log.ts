import { writeSync } from 'node:fs';

import type { Logger } from 'pino';

import { escapeInJson, toJson } from './json.ts';

/** The log of the commands of a run (`-x`). */
export interface CommandLog {
  /** One external command that is about to be started. */
  readonly command: (command: { readonly file: string; readonly args: readonly string[] }) => void;
  /** Which program decides the run. */
  readonly way: (way: 'node' | 'daemon') => void;
  /** What makes the clone of a directory. */
  readonly storage: (storage: string) => void;
}

let own: CommandLog | null = null;

/** A log that is written line by line: pino's lines with `json`, else `+ FILE ARG...`. */
export async function openCommandLog({
  json,
  write,
}: {
  readonly json: boolean;
  readonly write: (line: string) => void;
}): Promise<CommandLog> {
  const { pino } = await import('pino');
  const logger = pino({ level: 'trace', base: null }, { write: (line: string) => write(json ? escapeLine(line) : formatLine(line)) });
  return {
    command: ({ file, args }) => logger.trace({ file, args }, 'command'),
    way: (way) => logger.trace({ way }, 'way'),
    storage: (storage) => logger.trace({ storage }, 'storage'),
  };
}

/** Starts the log of this process's commands on standard error. Only the command line does so, and pino is not loaded before. */
export async function startCommandLog({ json }: { readonly json: boolean }): Promise<void> {
  own = await openCommandLog({ json, write: writeLine });
}

export function logCommand(command: Parameters<CommandLog['command']>[0]): void {
  own?.command(command);
}

export function logWay(way: 'node' | 'daemon'): void {
  own?.way(way);
}

export function logStorage(storage: string): void {
  own?.storage(storage);
}

/** An entry of the daemon's log; `event` is one word that says what it is about. */
export interface LogFields extends Readonly<Record<string, unknown>> {
  readonly event: string;
}

let service: Logger | null = null;

/** Starts the daemon's log on standard error: one line of JSON per event (pino), which systemd writes to the journal. */
export async function startServiceLog(): Promise<void> {
  const { pino, stdTimeFunctions } = await import('pino');
  const formatters = { level: (label: string) => ({ level: label }) };
  service = pino({ base: null, timestamp: stdTimeFunctions.isoTime, formatters }, { write: writeServiceLine });
}

/** Writes an event to the daemon's log, if that was started. `message` is one full sentence. */
export function logEvent(level: 'info' | 'warn' | 'error', fields: LogFields, message: string): void {
  service?.[level](fields, message);
}

/** One of pino's lines, which ends with a newline. */
function escapeLine(line: string): string {
  return `${escapeInJson(line.slice(0, -1))}\n`;
}

/** A line that cannot be written is lost; the process continues. */
function writeServiceLine(line: string): void {
  try {
    writeSync(2, escapeLine(line));
  } catch {
    // There is nowhere to report it.
  }
}

/** Each word unchanged if that is unambiguous, else as a JSON string, which has no control characters. */
function formatLine(line: string): string {
  const { way, storage, file, args } = JSON.parse(line) as { way?: string; storage?: string; file: string; args: string[] };
  if (way !== undefined) return `+ way: ${way}\n`;
  if (storage !== undefined) return `+ storage: ${storage}\n`;
  const words = [file, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : toJson(word)));
  return `+ ${words.join(' ')}\n`;
}

/** A log that nobody reads any more must not end the process that writes it. */
function writeLine(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    own = null;
  }
}
