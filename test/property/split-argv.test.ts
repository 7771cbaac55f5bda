import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Option, options } from '../../src/cli/options.ts';
import { splitArgv } from '../../src/cli/split-argv.ts';

const anyWord = fc.string({ unit: 'binary' });
const runOptions = options.filter((option) => option.verbs.includes('run') && option.long !== 'refresh');
const spelled = fc.constantFrom(...runOptions).chain((option) => fc.record({ option: fc.constant(option), value: anyWord }).chain(spell));
const firstWord = anyWord.filter((word) => !word.startsWith('-') || word === '-');

test('every command survives byte for byte behind any options', () => {
  fc.assert(
    fc.property(fc.array(spelled), firstWord, fc.array(anyWord), fc.boolean(), (given, command, args, dashes) => {
      const argv = ['run', ...given.flatMap(({ words }) => words), ...(dashes ? ['--'] : []), command, ...args];
      expect(splitArgv(argv)).toEqual({ verb: 'run', given: given.map(({ expected }) => expected), words: [command, ...args] });
    }),
  );
});

test('behind -- a command may begin with a dash, be a verb or be --', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyWord, fc.constantFrom('--', '-x', 'run', '--help'))), (words) => {
      expect(splitArgv(['-n', '--', ...words]).words).toEqual(words);
    }),
  );
});

function spell({ option, value }: { option: Option; value: string }) {
  const expected = option.value === undefined ? { option } : { option, value };
  const spellings: string[][] =
    option.value === undefined ? [[`--${option.long}`]] : [[`--${option.long}`, value], [`--${option.long}=${value}`]];
  if (option.short !== undefined) {
    spellings.push(option.value === undefined ? [`-${option.short}`] : [`-${option.short}`, value]);
    if (option.value !== undefined && value !== '') {
      spellings.push([`-${option.short}${value}`]);
    }
  }
  return fc.constantFrom(...spellings.filter((words) => words.length > 0)).map((words) => ({ words, expected }));
}
