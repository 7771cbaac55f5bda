import { readFileSync } from 'node:fs';

import { IsolateError } from '../error.ts';

/**
 * Refuses arguments that Node could not read: it takes them for UTF-8 and puts U+FFFD in the place of what is not, so the
 * command would get other bytes than were given. Throws `usage`.
 */
export function checkArgumentText(argv: readonly string[]): void {
  if (!argv.some((word) => word.includes('\ufffd'))) {
    return;
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(readFileSync('/proc/self/cmdline'));
  } catch (cause) {
    const word = argv.findIndex((text) => text.includes('\ufffd')) + 1;
    throw new IsolateError('usage', `Argument ${word} is not valid UTF-8, so it cannot be handed on as it was given.`, { cause });
  }
}
