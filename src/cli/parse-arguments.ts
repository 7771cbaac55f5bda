import { allVerbs, type Verb, verbs, viewVerbs } from './verbs.ts';
import { parseRun } from './parse-run.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/**
 * The verbs with a command or the options of one, which must pass byte for byte, as those of two words may have, and those that should be
 * quick: loading yargs takes longer than everything else that they do (docs/performance.md).
 */
const ownVerbs: readonly Verb[] = ['run', 'enter', 'exec', 'diff', 'cp', 'sessions', 'refresh', 'doctor', ...viewVerbs];

/** Parses a command line (without the program's name). Throws `usage`. */
export async function parseArguments(argv: readonly string[]): Promise<ParsedArguments> {
  const { verb, words } = splitVerb(argv);
  return ownVerbs.includes(verb) || verb.includes(' ') ? parseOwn(argv) : await (await import('./parse-verb.ts')).parseVerb(verb, words);
}

/** The same, synchronously, for a verb that is parsed without a package. Throws `usage`. */
export function parseOwn(argv: readonly string[]): ParsedArguments {
  const { verb, words } = splitVerb(argv);
  if (verb !== 'run') return parseRun(verb, words);
  const typed = words.length < argv.length ? ({ isTyped: true } as const) : {};
  const [first] = words;
  if (first?.startsWith('@') !== true) return { ...parseRun(verb, words), ...typed };
  return { ...parseRun(verb, words.slice(1)), ...typed, preset: first.slice(1) };
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
  const whole = allVerbs.find((name) => name === `${verb} ${argv[1]}`);
  return whole === undefined ? { verb, words: argv.slice(1) } : { verb: whole, words: argv.slice(2) };
}

/** Whether a first word is a verb. */
export function isVerb(word: string): boolean {
  return verbs.some((name) => name === word);
}
