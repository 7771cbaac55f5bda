import { expect, test } from 'vitest';

import { parseArguments } from '../../../src/cli/parse-arguments.ts';

test('no option is set that was not given', async () => {
  const nothing = { flags: new Set(), values: new Map(), lists: new Map() };
  expect(await parseArguments(['ls'])).toEqual({ verb: 'run', ...nothing, words: ['ls'] });
  expect(await parseArguments(['status', 'tank/a'])).toEqual({ verb: 'status', ...nothing, words: ['tank/a'] });
});

test('a preset is the first word of a run, and only there', async () => {
  const nothing = { flags: new Set(), values: new Map(), lists: new Map() };
  expect(await parseArguments(['@a', 'ls'])).toEqual({ verb: 'run', ...nothing, preset: 'a', words: ['ls'] });
  expect(await parseArguments(['run', '@a'])).toEqual({ verb: 'run', isTyped: true, ...nothing, preset: 'a', words: [] });
  expect(await parseArguments(['@a', '-q', '@b'])).toEqual({
    verb: 'run',
    ...nothing,
    flags: new Set(['quiet']),
    preset: 'a',
    words: ['@b'],
  });
  expect(await parseArguments(['-q', '@a'])).toEqual({ verb: 'run', ...nothing, flags: new Set(['quiet']), words: ['@a'] });
  expect(await parseArguments(['--', '@a'])).toEqual({ verb: 'run', ...nothing, words: ['@a'] });
  expect(await parseArguments(['config', 'show', '--json'])).toEqual({
    verb: 'config show',
    ...nothing,
    flags: new Set(['json']),
    words: [],
  });
});

test('a verb without a command takes options between its words, long, short and joined', async () => {
  expect(await parseArguments(['status', '--watch', 'tank/a', '-x', 'tank/b'])).toEqual({
    verb: 'status',
    flags: new Set(['watch', 'trace']),
    values: new Map(),
    lists: new Map(),
    words: ['tank/a', 'tank/b'],
  });
  expect((await parseArguments(['watch', '-qx', '-q'])).flags).toEqual(new Set(['quiet', 'trace']));
  expect((await parseArguments(['serve', '--front', '/run/a b'])).values).toEqual(new Map([['front', '/run/a b']]));
  expect((await parseArguments(['serve', '--front=/run/a=b'])).values).toEqual(new Map([['front', '/run/a=b']]));
});

test('a verb may have two words, and what follows the first is a word where it is not the second', async () => {
  const list = { verb: 'template list', flags: new Set(['json']), values: new Map(), lists: new Map(), words: [] };
  expect(await parseArguments(['template', 'list', '--json'])).toEqual(list);
  expect(await parseArguments(['template', 'lst'])).toEqual({ ...list, verb: 'template', flags: new Set(), words: ['lst'] });
  expect((await parseArguments(['run', 'template', 'list'])).words).toEqual(['template', 'list']);
});

test('words that look like numbers are the words that they are', async () => {
  expect((await parseArguments(['kill', '0x10', '1e3', '007', '12345678901234567890', ''])).words).toEqual(
    ['0x10', '1e3', '007', '12345678901234567890', ''], // prettier-ignore
  );
});

test.each([
  [['status', '--foo'], 'There is no option --foo.', 'isolate --help lists the options'],
  [['status', '--wach'], 'There is no option --wach.', 'did you mean --watch?'],
  [['status', '-xK'], 'There is no option -K.', 'isolate --help lists the options'],
  [['status', '--no-json'], 'There is no option --no-json.', 'did you mean --json?'],
  [['kill', '-z', 'a'], 'isolate kill has no option -z.', '-z is an option of isolate run, isolate doctor'],
  [['ps', '--json=yes'], 'The option --json takes no value.', undefined],
  [['serve', '--front'], 'The option --front needs a value.', undefined],
  [['serve', '--front', '/a', '--front=/b'], 'The option --front was given twice.', undefined],
  [['refresh', '--json=yes'], 'The option --json takes no value.', undefined],
])('%j is refused', async (argv, message, hint) => {
  const refusal = await parseArguments(argv).catch(({ code, message: said, hint: advice }: Record<string, unknown>) => [
    code,
    said,
    advice,
  ]);
  expect(refusal).toEqual(['usage', message, hint]);
});

test('standard output is not touched by loading yargs', async () => {
  const before = Object.getOwnPropertyDescriptor(process, 'stdout');
  await parseArguments(['ps']);
  expect(Object.getOwnPropertyDescriptor(process, 'stdout')).toEqual(before);
});
