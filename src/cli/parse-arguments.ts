import { type Verb, verbs, viewVerbs } from './options.ts';
import { parseRun } from './parse-run.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/**
 * The verbs with a command or the options of one, which must pass byte for byte, and those that should be quick: loading yargs takes
 * longer than everything else that they do (docs/performance.md).
 */
const ownVerbs: readonly Verb[] = ['run', 'refresh', 'doctor', ...viewVerbs];

/** Parses a command line (without the program's name). Throws `usage`. */
export async function parseArguments(argv: readonly string[]): Promise<ParsedArguments> {
  const { verb, words } = splitVerb(argv);
  return ownVerbs.includes(verb) ? parseRun(verb, words) : await (await import('./parse-verb.ts')).parseVerb(verb, words);
}

/** The same, synchronously, for a verb that shows what the daemon knows; null for other verbs. Throws `usage`. */
export function parseView(argv: readonly string[]): ParsedArguments | null {
  const { verb, words } = splitVerb(argv);
  return viewVerbs.some((name) => name === verb) ? parseRun(verb, words) : null;
}

/** A verb counts only as the very first word; `run` may be left out. */
export function splitVerb(argv: readonly string[]): { readonly verb: Verb; readonly words: readonly string[] } {
  const verb = verbs.find((name) => name === argv[0]);
  return { verb: verb ?? 'run', words: argv.slice(verb === undefined ? 0 : 1) };
}
