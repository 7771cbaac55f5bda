import { writeSync } from 'node:fs';

import type { Logger } from 'pino';

import { escapeInJson, toJson } from './json.ts';

let logger: Logger | null = null;

/**
 * Starts the log of external commands (`-x`) on standard error: pino's own lines with `json`, else `+ FILE ARG...`. Until it is
 * started, which only the command line does, nothing is logged and pino is not even loaded.
 */
export async function startCommandLog({ json }: { readonly json: boolean }): Promise<void> {
  const { pino } = await import('pino');
  logger = pino({ level: 'trace', base: null }, { write: (line: string) => writeLine(json ? escapeLine(line) : formatLine(line)) });
}

/** Logs one external command that is about to be started. */
export function logCommand(command: { readonly file: string; readonly args: readonly string[] }): void {
  logger?.trace({ file: command.file, args: command.args }, 'command');
}

/** Logs which program decides the run. */
export function logWay(way: 'node' | 'daemon'): void {
  logger?.trace({ way }, 'way');
}

/** What is written to the log of the service; `event` says what it is about, one word. */
export interface LogFields extends Readonly<Record<string, unknown>> {
  readonly event: string;
}

let service: Logger | null = null;

/** Starts the log of the daemon on standard error: one line of JSON an event (pino), which systemd puts into the journal. */
export async function startServiceLog(): Promise<void> {
  const { pino, stdTimeFunctions } = await import('pino');
  const formatters = { level: (label: string) => ({ level: label }) };
  service = pino({ base: null, timestamp: stdTimeFunctions.isoTime, formatters }, { write: writeServiceLine });
}

/** Writes an event to the log of the daemon; nothing where it was not started. `message` is one full sentence. */
export function logEvent(level: 'info' | 'warn' | 'error', fields: LogFields, message: string): void {
  service?.[level](fields, message);
}

/** One of pino's lines, which ends with a newline. */
function escapeLine(line: string): string {
  return `${escapeInJson(line.slice(0, -1))}\n`;
}

/** A line that cannot be written is lost; what happens goes on. */
function writeServiceLine(line: string): void {
  try {
    writeSync(2, escapeLine(line));
  } catch {
    // There is nowhere to tell it.
  }
}

/** Each word as it stands where that is unambiguous, else as a JSON string, which has no control characters. */
function formatLine(line: string): string {
  const { way, file, args } = JSON.parse(line) as { way?: string; file: string; args: string[] };
  if (way !== undefined) return `+ way: ${way}\n`;
  const words = [file, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : toJson(word)));
  return `+ ${words.join(' ')}\n`;
}

/** A log that nobody reads any more must not end what it logs. */
function writeLine(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    logger = null;
  }
}
