import { writeSync } from 'node:fs';

import type { Logger } from 'pino';

let logger: Logger | null = null;

/**
 * Starts the log of external commands (`-x`) on standard error: pino's own lines with `json`, else `+ FILE ARG...`. Until it is
 * started, which only the command line does, nothing is logged and pino is not even loaded.
 */
export async function startCommandLog({ json }: { readonly json: boolean }): Promise<void> {
  const { pino } = await import('pino');
  logger = pino({ level: 'trace', base: null }, { write: (line: string) => writeLine(json ? line : formatLine(line)) });
}

/** Logs one external command that is about to be started. */
export function logCommand(command: { readonly file: string; readonly args: readonly string[] }): void {
  logger?.trace({ file: command.file, args: command.args }, 'command');
}

/** Each word as it stands where that is unambiguous, else as a JSON string, which has no control characters. */
function formatLine(line: string): string {
  const { file, args } = JSON.parse(line) as { file: string; args: string[] };
  const words = [file, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)));
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
