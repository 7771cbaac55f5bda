import { IsolateError } from '../error.ts';
import { type Verb, viewVerbs } from './options.ts';
import type { ParsedArguments } from './parser.ts';
import { type GivenOption, splitArgv, type SplitArgv } from './split-argv.ts';

/** Verbs that are waited for: yargs takes longer to load than all else of a run (docs/performance.md). */
const quickVerbs: readonly Verb[] = ['run', 'refresh'];

/**
 * Parses a command line (without the program's name). What is left to do after splitting is to sort, which quick verbs
 * have done without yargs. Throws `usage`.
 */
export async function parseArguments(argv: readonly string[]): Promise<ParsedArguments> {
  const split = splitOnce(argv);
  return quickVerbs.includes(split.verb) ? sortOptions(split) : await (await import('./parser.ts')).parseByYargs(split);
}

/** The same at once, for a run; null: it is of another verb. Throws `usage`. */
export function parseRun(argv: readonly string[]): ParsedArguments | null {
  const split = splitOnce(argv);
  return split.verb === 'run' ? sortOptions(split) : null;
}

/** The same for a verb that shows what the daemon knows; null: it is of another one. Throws `usage`. */
export function parseView(argv: readonly string[]): ParsedArguments | null {
  return viewVerbs.some((verb) => verb === argv[0]) ? sortOptions(splitOnce(argv)) : null;
}

function splitOnce(argv: readonly string[]): SplitArgv {
  const split = splitArgv(argv);
  refuseRepeated(split.given);
  return split;
}

/** What yargs would make of it, as test/property/parse-arguments.test.ts checks. */
export function sortOptions({ verb, given, words }: SplitArgv): ParsedArguments {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (const { option, value } of given) {
    if (value === undefined) {
      flags.add(option.long);
    } else if (option.repeatable === true) {
      lists.set(option.long, [...(lists.get(option.long) ?? []), value]);
    } else {
      values.set(option.long, value);
    }
  }
  return { verb, flags, values, lists, words };
}

/** An option that takes one value and is given two would be an array to yargs, and pass. A flag given twice says no more than once. */
function refuseRepeated(given: readonly GivenOption[]): void {
  const twice = given.find(
    ({ option }, index) =>
      option.value !== undefined && option.repeatable === undefined && given.findIndex((other) => other.option === option) < index,
  );
  if (twice !== undefined) {
    throw new IsolateError('usage', `The option --${twice.option.long} was given twice.`);
  }
}
