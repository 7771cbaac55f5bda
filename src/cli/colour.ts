import { isatty } from 'node:tty';

import { callerEnvironment } from '../process/caller-environment.ts';

/** Whether to colour what is written to a descriptor: only for a terminal, and not if the caller's NO_COLOR says no. */
export function wantsColour(descriptor: number): boolean {
  const { NO_COLOR, TERM } = callerEnvironment();
  return isatty(descriptor) && (NO_COLOR ?? '') === '' && TERM !== 'dumb';
}
