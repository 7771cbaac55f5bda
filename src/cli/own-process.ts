import { writeFileSync } from 'node:fs';

/** The name of a time zone, not the path of a file. */
const zone = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/**
 * Makes times appear in the caller's time zone if TZ names one, such as `Europe/Berlin` or `UTC`; otherwise they are in the host's. TZ is
 * the only one of the caller's variables that this process itself uses.
 */
export function useTimeZone(environment: Readonly<NodeJS.ProcessEnv>): void {
  const name = environment['TZ'];
  if (name !== undefined && zone.test(name)) process.env['TZ'] = name;
}

/** Makes ps(1) show this process like a client: with the name `isolate` and the command line, cut off after some 1000 bytes. */
export function showInProcessList(words: readonly string[]): void {
  process.title = ['isolate', ...words].join(' ');
  try {
    writeFileSync('/proc/self/comm', 'isolate');
  } catch {
    // The title is set anyway.
  }
}
