import type { default as Yargs, Options } from 'yargs';

import { IsolateError } from '../error.ts';
import { findOption } from './find-option.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import type { Verb } from './verbs.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/** Parses with yargs what follows a verb without a command. Throws `usage`. */
export async function parseVerb(verb: Verb, argv: readonly string[]): Promise<ParsedArguments> {
  const yargs = await importQuietly();
  const own = options.filter((option) => option.verbs.includes(verb));
  const {
    _: words,
    $0: _program,
    ...given
  } = yargs([...argv])
    .help(false)
    .version(false)
    .detectLocale(false)
    .exitProcess(false)
    .options(Object.fromEntries(own.map((option) => [option.long, describe(option)])))
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    })
    .updateStrings({
      'Argument unexpected for: %s': 'The option --%s takes no value.',
      'Not enough arguments following: %s': 'The option --%s needs a value.',
    })
    .fail((message) => {
      throw new IsolateError('usage', message);
    })
    .parseSync();
  const found = Object.entries(given).map(
    ([name, value]) => [findOption(name.length === 1 ? `-${name}` : `--${name}`, verb), value] as const,
  );
  return {
    verb,
    flags: new Set(found.filter(([{ value }]) => value === undefined).map(([{ long }]) => long)),
    values: new Map(found.filter(([option]) => option.value !== undefined).map(([option, value]) => [option.long, single(option, value)])),
    lists: new Map(),
    words: words.map(String),
  };
}

function describe({ short, value }: Option): Options {
  return {
    ...(short === undefined ? {} : { alias: short }),
    ...(value === undefined ? { type: 'boolean', nargs: 0 } : { type: 'string', nargs: 1 }),
  };
}

function single({ long }: Option, value: unknown): string {
  if (Array.isArray(value)) throw new IsolateError('usage', `The option --${long} was given twice.`);
  return String(value);
}

/**
 * yargs reads the width of standard output as soon as it is loaded, and touching `process.stdout` makes a pipe there non-blocking for
 * everyone who shares it. So it is hidden from yargs.
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
