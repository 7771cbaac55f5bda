import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Option } from '../../src/cli/option.ts';
import { options } from '../../src/cli/options.ts';
import { parseArguments } from '../../src/cli/parse-arguments.ts';
import { parseRun } from '../../src/cli/parse-run.ts';

const anyWord = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '"quoted"',
    "'q'",
    '1e3',
    '0x10',
    '-1',
    'true',
    'a=b',
    'a.b',
    '__proto__',
    'constructor',
    '--',
    '-z',
    '--no-env',
    '1,2',
    '',
  ),
);
const runOptions = options.filter((option) => option.verbs.includes('run') && option.long !== 'refresh');
const spelled = fc.constantFrom(...runOptions).chain((option) => anyWord.chain((value) => spell(option, value)));
/** Options of which none is given twice that may not be. */
const someOptions = fc.uniqueArray(spelled, { selector: ({ option, value }) => (option.repeatable === true ? value : option.long) });
const firstWord = anyWord.filter((word) => !word.startsWith('-') || word === '-');

test('every command and every value survives byte for byte behind any options', () => {
  fc.assert(
    fc.property(someOptions, firstWord, fc.array(anyWord), fc.boolean(), (given, command, args, dashes) => {
      const argv = [...given.flatMap(({ words }) => words), ...(dashes ? ['--'] : []), command, ...args];
      const lists = Map.groupBy(
        given.filter(({ option }) => option.repeatable === true),
        ({ option }) => option.long,
      );
      expect(parseRun('run', argv)).toEqual({
        verb: 'run',
        flags: new Set(given.filter(({ option }) => option.value === undefined).map(({ option }) => option.long)),
        values: new Map(
          given.flatMap(({ option, value }) =>
            option.value !== undefined && option.repeatable === undefined ? [[option.long, value]] : [],
          ),
        ),
        lists: new Map([...lists].map(([long, list]) => [long, list.map(({ value }) => value)])),
        words: [command, ...args],
      });
    }),
  );
});

test('behind -- a command may begin with a dash, be a verb or be --', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyWord, fc.constantFrom('--', '-x', 'run', '--help'))), (words) => {
      expect(parseRun('run', ['-n', '--', ...words]).words).toEqual(words);
    }),
  );
});

test('the words of other verbs are what was given too, whatever they look like', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('kill', 'status', 'watch'), fc.array(anyWord), async (verb, words) => {
      const parsed = await parseArguments([verb, '--json', '-x', '--', ...words]);
      expect(parsed).toEqual({ verb, flags: new Set(['json', 'trace']), values: new Map(), lists: new Map(), words });
    }),
    { numRuns: 50 },
  );
});

function spell(option: Option, value: string) {
  const { long, short } = option;
  const separate = option.optionalValue === true ? [] : [[`--${long}`, value]];
  const spellings: string[][] = option.value === undefined ? [[`--${long}`]] : [...separate, [`--${long}=${value}`]];
  if (short !== undefined) spellings.push(option.value === undefined ? [`-${short}`] : [`-${short}`, value]);
  if (short !== undefined && option.value !== undefined && value !== '') spellings.push([`-${short}${value}`]);
  return fc.constantFrom(...spellings).map((words) => ({ option, value, words }));
}
