import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Option, options } from '../../src/cli/options.ts';
import { parseArguments } from '../../src/cli/parser.ts';
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

test('values and words pass the parser unchanged, whatever they look like', async () => {
  const hostile = fc.oneof(anyWord, fc.constantFrom('"quoted"', "'q'", '1e3', '0x10', '-1', 'true', 'a=b', 'a.b', '__proto__', 'constructor', '--', '-z', '--no-env', '1,2', ''));
  await fc.assert(
    fc.asyncProperty(hostile, fc.array(hostile, { minLength: 1 }), fc.array(hostile), async (dataset, variables, args) => {
      const parsed = await parseArguments(['--zfs', dataset, ...variables.flatMap((text) => ['-v', text]), '-1', '--', ...args]);
      expect(parsed).toEqual({
        verb: 'run',
        flags: new Set(['x11']),
        values: new Map([['zfs', dataset]]),
        lists: new Map([['env', variables]]),
        words: args,
      });
    }),
    { numRuns: 50 },
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
