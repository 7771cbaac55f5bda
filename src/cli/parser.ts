import type { Argv, default as Yargs } from 'yargs';

import { type Option, options, type Verb } from './options.ts';
import type { GivenOption, SplitArgv } from './split-argv.ts';

/** A parsed command line: every option by its long name, and the words that are no options. */
export interface ParsedArguments {
  readonly verb: Verb;
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly words: readonly string[];
}

/**
 * Has yargs parse what was given to a verb that can wait. Values and words come out byte for byte: yargs, which would
 * unquote, number and split them, gets the place of a value in `given` in its stead. Throws `usage`.
 */
export async function parseByYargs({ verb, given, words }: SplitArgv): Promise<ParsedArguments> {
  const parsed: Record<string, unknown> = (await loadParser(verb)).parseSync(given.map(toPlaceholder));
  const valueAt = (place: unknown): string => given[Number(place)]?.value ?? '';
  const named = options.filter(({ long }) => parsed[long] !== undefined);
  return {
    verb,
    flags: new Set(named.filter((option) => option.value === undefined).map(({ long }) => long)),
    values: new Map(
      named
        .filter((option) => option.value !== undefined && option.repeatable === undefined)
        .map(({ long }) => [long, valueAt(parsed[long])]),
    ),
    lists: new Map(named.filter((option) => option.repeatable === true).map(({ long }) => [long, [parsed[long]].flat().map(valueAt)])),
    words,
  };
}

function toPlaceholder({ option, value }: GivenOption, place: number): string {
  return value === undefined ? `--${option.long}` : `--${option.long}=${place}`;
}

async function loadParser(verb: Verb): Promise<Argv> {
  const yargs = await importQuietly();
  const parser = yargs([]).help(false).version(false).detectLocale(false).exitProcess(false).fail(false).strict().parserConfiguration({
    'boolean-negation': false,
    'camel-case-expansion': false,
    'dot-notation': false,
    'greedy-arrays': false,
    'parse-numbers': false,
    'parse-positional-numbers': false,
    'short-option-groups': false,
  });
  return parser.options(
    Object.fromEntries(options.filter((option) => option.verbs.includes(verb)).map((option) => [option.long, describe(option)])),
  );
}

function describe(option: Option): { type: 'boolean' | 'array' | 'string'; string?: true } {
  if (option.value === undefined) {
    return { type: 'boolean' };
  }
  return option.repeatable === true ? { type: 'array', string: true } : { type: 'string' };
}

/**
 * yargs looks at the width of standard output as soon as it is loaded, and looking at `process.stdout` makes a pipe there
 * non-blocking for everyone who shares it, the sandboxed command included. So it is shown none.
 */
async function importQuietly(): Promise<typeof Yargs> {
  const stdout = Object.getOwnPropertyDescriptor(process, 'stdout');
  if (stdout === undefined) {
    return (await import('yargs')).default;
  }
  Object.defineProperty(process, 'stdout', { configurable: true, value: {} });
  try {
    return (await import('yargs')).default;
  } finally {
    Object.defineProperty(process, 'stdout', stdout);
  }
}
