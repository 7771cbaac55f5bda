import type { ParsedExec } from '../daemon/command-line.ts';
import { IsolateError } from '../error.ts';
import { parseOwn } from './parse-arguments.ts';
import { parseExec } from './parse-exec.ts';
import { runVoice } from './run-voice.ts';

/** Of those that `exec` has; the rest is for the program in Node. */
const flagsOfClients: readonly string[] = ['json', 'quiet', 'ignore-sigint'];

/** A client's command line with the verb `exec`; null: with another one, wrong, or with what the daemon does not do. */
export function clientExec(argv: readonly string[]): ParsedExec | null {
  if (argv[0] !== 'exec') return null;
  try {
    const parsed = parseOwn(argv);
    if ([...parsed.flags].some((flag) => !flagsOfClients.includes(flag))) return null;
    const words = parseExec(parsed);
    return { ...words, voice: runVoice(parsed, { command: words.command }, 'daemon') };
  } catch (error) {
    if (error instanceof IsolateError) return null;
    throw error;
  }
}
