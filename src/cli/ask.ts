import { readSync } from 'node:fs';
import { isatty } from 'node:tty';

import { write } from './output.ts';

/** Whether somebody can be asked: standard input and standard error are terminals. */
export function canAsk(): boolean {
  return isatty(0) && isatty(2);
}

/** Asks on the terminal. An empty line means `usual`, and the end of the input no. */
export function ask(question: string, usual: boolean): boolean {
  write(2, `${question} ${usual ? '[Y/n]' : '[y/N]'} `);
  const line = readLine();
  if (line === null) return false;
  return line.trim() === '' ? usual : /^y(?:es)?$/i.test(line.trim());
}

function readLine(): string | null {
  const bytes = Buffer.alloc(1024);
  const length = readSync(0, bytes);
  return length === 0 ? null : bytes.subarray(0, length).toString();
}
