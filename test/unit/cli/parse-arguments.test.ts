import { expect, test } from 'vitest';

import { parseArguments } from '../../../src/cli/parse-arguments.ts';

test('a repeatable option keeps the order of its values and takes no word that follows', async () => {
  expect((await parseArguments(['-d', 'a:/b', '-z', 'p', '-d', 'c:/d', 'e:/f'])).lists).toEqual(new Map([['bind', ['a:/b', 'c:/d']]]));
});

test('an option that takes one value is refused when given twice, in either form', async () => {
  await expect(parseArguments(['-e', 'lxc', '--engine=bwrap', 'ls'])).rejects.toMatchObject({
    code: 'usage',
    message: 'The option --engine was given twice.',
  });
});

test('a flag given twice is a flag', async () => {
  expect((await parseArguments(['-n', '-n', 'ls'])).flags).toEqual(new Set(['share-net']));
});

test('no option is set that was not given', async () => {
  expect(await parseArguments(['ls'])).toEqual({ verb: 'run', flags: new Set(), values: new Map(), lists: new Map(), words: ['ls'] });
});

test('options named no- are options of their own', async () => {
  expect((await parseArguments(['--no-seccomp', 'ls'])).flags).toEqual(new Set(['no-seccomp']));
});

test('standard output is not touched by loading yargs', async () => {
  const before = Object.getOwnPropertyDescriptor(process, 'stdout');
  await parseArguments(['doctor']);
  expect(Object.getOwnPropertyDescriptor(process, 'stdout')).toEqual(before);
});
