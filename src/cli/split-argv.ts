import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import { formatOption } from './format-option.ts';
import { type Option, options, type Verb, verbs } from './options.ts';

/** One option as it was given. */
export interface GivenOption {
  readonly option: Option;
  /** Byte for byte what was given; absent where the option takes none. */
  readonly value?: string;
}

/** The command line, cut up. */
export interface SplitArgv {
  readonly verb: Verb;
  readonly given: readonly GivenOption[];
  /** What is not isolate's own: for `run` the command, for other verbs their words. */
  readonly words: readonly string[];
}

/**
 * Cuts isolate's own options from the rest. For `run`, the first word that is neither an option nor an option's value
 * begins the command, and so does whatever follows `--`; other verbs take options between their words too. The refresh
 * form of `run` (-r) has words like `refresh`. Throws `usage` for an unknown option, a missing or an unwanted value.
 */
export function splitArgv(argv: readonly string[]): SplitArgv {
  const first = verbs.find((verb) => verb === argv[0]);
  const verb = first ?? 'run';
  const words = argv.slice(first === undefined ? 0 : 1);
  const given: GivenOption[] = [];
  const rest: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const isRun = verb === 'run' && !given.some(({ option }) => option.long === 'refresh');
    if (word === '--') {
      rest.push(...words.splice(0));
    } else if (word.startsWith('--')) {
      given.push(takeLong(word, words, verb));
    } else if (word.startsWith('-') && word.length > 1) {
      given.push(...takeShort(word, words, verb));
    } else {
      rest.push(word, ...(isRun ? words.splice(0) : []));
    }
  }
  return { verb, given, words: rest };
}

/** `--name`, `--name=VALUE` or `--name VALUE`. */
function takeLong(word: string, words: string[], verb: Verb): GivenOption {
  const end = word.indexOf('=');
  const name = end < 0 ? word : word.slice(0, end);
  const option = options.find(({ long }) => name === `--${long}`) ?? refuseUnknown(name, verb);
  checkVerb(option, name, verb, words);
  if (option.value === undefined) {
    if (end >= 0) {
      throw new IsolateError('usage', `The option ${name} takes no value.`);
    }
    return { option };
  }
  return { option, value: end < 0 ? takeNext(option, words) : word.slice(end + 1) };
}

/** `-n`, `-n1f`, `-zVALUE` or `-z VALUE`; the first option of a group that takes a value takes what is left of the word. */
function takeShort(word: string, words: string[], verb: Verb): GivenOption[] {
  const given: GivenOption[] = [];
  for (let index = 1; index < word.length; index += 1) {
    const name = `-${String.fromCodePoint(word.codePointAt(index) ?? 0)}`;
    const option = options.find(({ short }) => name === `-${short}`) ?? refuseUnknown(name, verb);
    checkVerb(option, name, verb, words);
    if (option.value !== undefined) {
      const left = word.slice(index + 1);
      return [...given, { option, value: left === '' ? takeNext(option, words) : left }];
    }
    given.push({ option });
  }
  return given;
}

function takeNext(option: Option, words: string[]): string {
  const value = words.shift();
  if (value === undefined) {
    throw new IsolateError('usage', `The option --${option.long} needs a value.`, { hint: formatOption(option).trim() });
  }
  return value;
}

function checkVerb(option: Option, name: string, verb: Verb, words: readonly string[]): void {
  if (!option.verbs.includes(verb)) {
    const late = option.verbs.find((other) => words.includes(other));
    if (verb === 'run' && late !== undefined) throw verbNotFirst(late);
    throw new IsolateError('usage', `isolate ${verb} has no option ${name}.`, {
      hint: `${name} is an option of ${option.verbs.map((other) => `isolate ${other}`).join(', ')}`,
    });
  }
}

/** A verb behind an option is the command to run, unless that cannot be meant. */
export function verbNotFirst(verb: string): IsolateError {
  return new IsolateError('usage', `The verb ${verb} must come first, before any option.`, { hint: `isolate ${verb} ...` });
}

function refuseUnknown(name: string, verb: Verb): never {
  const known = options.filter((option) => option.verbs.includes(verb)).map(({ long }) => `--${long}`);
  const near = name.startsWith('--') ? nearest(name, known) : null;
  throw new IsolateError('usage', `There is no option ${name}.`, {
    hint: near === null ? 'isolate --help lists the options' : `did you mean ${near}?`,
  });
}
