import { IsolateError } from '../error.ts';
import { findOption } from './find-option.ts';
import { formatOption } from './format-option.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import type { Verb } from './verbs.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/** What was read so far, and the words that are left. */
interface Reading {
  readonly verb: Verb;
  readonly left: string[];
  readonly flags: Set<string>;
  readonly values: Map<string, string>;
  readonly lists: Map<string, string[]>;
}

/**
 * Parses what follows the verb. For `run`, the first word that is neither an option nor an option's value begins the command,
 * and so does whatever follows `--`; other verbs take options between their words, up to a command if they have one, and so does the
 * refresh form of `run` (-r).
 * Throws `usage` for an unknown option, a missing or unwanted value, and a value given twice.
 */
export function parseRun(verb: Verb, argv: readonly string[]): ParsedArguments {
  const reading: Reading = { verb, left: [...argv], flags: new Set(), values: new Map(), lists: new Map() };
  const { left, flags, values, lists } = reading;
  const words: string[] = [];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--') {
      words.push(...left.splice(0));
    } else if (word.startsWith('--')) {
      readLong(word, reading);
    } else if (word.startsWith('-') && word.length > 1) {
      readShort(word, reading);
    } else {
      const isCommand = words.length >= (values.has('refresh') ? Infinity : wordsBeforeCommand(verb));
      words.push(word, ...(isCommand ? left.splice(0) : []));
    }
  }
  return { verb, flags, values, lists, words };
}

/** How many words of a verb come before a command that it takes; Infinity: it takes none. */
function wordsBeforeCommand(verb: Verb): number {
  if (verb === 'run') return 0;
  if (verb === 'enter' || verb === 'exec') return 1;
  return verb === 'template shell' || verb === 'template exec' ? 1 : Infinity;
}

/** `--name`, `--name=VALUE` or `--name VALUE`. */
function readLong(word: string, reading: Reading): void {
  const end = word.indexOf('=');
  const name = end < 0 ? word : word.slice(0, end);
  const option = find(name, reading);
  if (option.value === undefined && end >= 0) throw new IsolateError('usage', `The option ${name} takes no value.`);
  note(option, end < 0 ? null : word.slice(end + 1), reading);
}

/** `-n`, `-n1f`, `-zVALUE` or `-z VALUE`; the first option of a group that takes a value takes the rest of the word. */
function readShort(word: string, reading: Reading): void {
  for (let index = 1; index < word.length; index += 1) {
    const option = find(`-${String.fromCodePoint(word.codePointAt(index) ?? 0)}`, reading);
    const left = word.slice(index + 1);
    note(option, left === '' ? null : left, reading);
    if (option.value !== undefined) return;
  }
}

/** `value` comes from the same word; if it is null, an option that needs a value takes the next word. */
function note(option: Option, value: string | null, { left, flags, values, lists }: Reading): void {
  const { long, repeatable } = option;
  if (option.value === undefined) {
    flags.add(long);
    return;
  }
  const given = value ?? (option.optionalValue === true ? '' : left.shift());
  if (given === undefined) throw new IsolateError('usage', `The option --${long} needs a value.`, { hint: formatOption(option).trim() });
  if (repeatable === true) {
    lists.set(long, [...(lists.get(long) ?? []), given]);
  } else {
    if (values.has(long)) throw new IsolateError('usage', `The option --${long} was given twice.`);
    values.set(long, given);
  }
}

function find(name: string, { verb, left }: Reading): Option {
  const late = options.find(({ long, short }) => name === `--${long}` || name === `-${short}`)?.verbs;
  const meant = verb === 'run' && late?.includes('run') === false ? late.map(firstWord).find((other) => left.includes(other)) : undefined;
  if (meant !== undefined) throw verbNotFirst(meant);
  return findOption(name, verb);
}

function firstWord(verb: Verb): string {
  return verb.split(' ', 1)[0] ?? verb;
}

/** A verb after an option is the command to run, unless that cannot be meant. */
export function verbNotFirst(verb: string): IsolateError {
  return new IsolateError('usage', `The verb ${verb} must come first, before any option.`, { hint: `isolate ${verb} ...` });
}
