import { writeFileSync } from 'node:fs';

/** The name of a time zone, and no path of a file. */
const zone = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/**
 * Has times printed in the caller's time zone, where TZ names one, as `Europe/Berlin` and `UTC` do; else they are in the
 * host's. It is the only one of the caller's variables that this process itself heeds.
 */
export function useTimeZone(environment: Readonly<NodeJS.ProcessEnv>): void {
  const name = environment['TZ'];
  if (name !== undefined && zone.test(name)) process.env['TZ'] = name;
}

/** Shows the command line in ps(1) as the client's is shown, cut off after some 1000 bytes, and `isolate` as the program's name. */
export function showInProcessList(words: readonly string[]): void {
  process.title = ['isolate', ...words].join(' ');
  try {
    writeFileSync('/proc/self/comm', 'isolate');
  } catch {
    // The title is there all the same.
  }
}
