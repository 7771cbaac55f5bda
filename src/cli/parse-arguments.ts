import { subVerbs, type Verb, verbs, viewVerbs } from './options.ts';
import { parseRun } from './parse-run.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/**
 * The verbs with a command or the options of one, which must pass byte for byte, as those of two words may have, and those that should be
 * quick: loading yargs takes longer than everything else that they do (docs/performance.md).
 */
const ownVerbs: readonly Verb[] = ['run', 'refresh', 'doctor', ...viewVerbs];

/** Parses a command line (without the program's name). Throws `usage`. */
export async function parseArguments(argv: readonly string[]): Promise<ParsedArguments> {
  const { verb, words } = splitVerb(argv);
  return ownVerbs.includes(verb) || verb.includes(' ')
    ? parseRun(verb, words)
    : await (await import('./parse-verb.ts')).parseVerb(verb, words);
}

/** The same, synchronously, for a verb that shows what the daemon knows; null for other verbs. Throws `usage`. */
export function parseView(argv: readonly string[]): ParsedArguments | null {
  const { verb, words } = splitVerb(argv);
  return viewVerbs.some((name) => name === verb) ? parseRun(verb, words) : null;
}

/** A verb counts only as the very first word or words; `run` may be left out. */
export function splitVerb(argv: readonly string[]): { readonly verb: Verb; readonly words: readonly string[] } {
  const verb = verbs.find((name) => name === argv[0]);
  if (verb === undefined) return { verb: 'run', words: argv };
  const second = verb === 'template' ? subVerbs[verb].find((name) => name === argv[1]) : undefined;
  if (verb !== 'template' || second === undefined) return { verb, words: argv.slice(1) };
  return { verb: `${verb} ${second}`, words: argv.slice(2) };
}
