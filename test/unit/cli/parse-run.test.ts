import { expect, test } from 'vitest';

import { parseOwn } from '../../../src/cli/parse-arguments.ts';
import type { ParsedArguments } from '../../../src/cli/parsed-arguments.ts';
import { IsolateError } from '../../../src/error.ts';

test('run is the verb if none is named', () => {
  expect(cut(['-z', 'a', 'ls', '-l'])).toEqual(['run', 'zfs=a', '|', 'ls', '-l']);
  expect(cut(['run', '-z', 'a', 'ls', '-l'])).toEqual(['run', 'zfs=a', '|', 'ls', '-l']);
});

test('a verb after an option is the command', () => {
  expect(cut(['-z', 'a', 'refresh', 'b'])).toEqual(['run', 'zfs=a', '|', 'refresh', 'b']);
});

test('options after the first word of the command belong to the command', () => {
  expect(cut(['-n', 'sh', '-c', 'true', '--', '--help'])).toEqual(['run', 'share-net', '|', 'sh', '-c', 'true', '--', '--help']);
});

test('a lone dash and an empty word begin the command', () => {
  expect(cut(['-n', '-', '-x'])).toEqual(['run', 'share-net', '|', '-', '-x']);
  expect(cut(['-n', '', '-x'])).toEqual(['run', 'share-net', '|', '', '-x']);
});

test('short options may be joined, the last one with its value', () => {
  expect(cut(['-12nzpool/a', 'ls'])).toEqual(['run', 'x11', 'pulse', 'share-net', 'zfs=pool/a', '|', 'ls']);
  expect(cut(['-fsr', 'pool/a', '5'])).toEqual(['run', 'force', 'skip-create', 'refresh=pool/a', '|', '5']);
});

test('digits that are options are not numbers', () => {
  expect(cut(['-1', '-2', '-3', '-4', 'ls'])).toEqual(['run', 'x11', 'pulse', 'wayland', 'gpu', '|', 'ls']);
});

test('a value may look like an option', () => {
  expect(cut(['-v', '-n', '--chdir', '--', 'ls'])).toEqual(['run', 'chdir=--', 'env=-n', '|', 'ls']);
});

test('a value after = may be empty or contain =', () => {
  expect(cut(['--env=A=b=c', '--chdir=', 'ls'])).toEqual(['run', 'chdir=', 'env=A=b=c', '|', 'ls']);
});

test('the refresh form takes options between its words', () => {
  expect(cut(['-f', '-r', 'pool/a', '5', '-s'])).toEqual(['run', 'force', 'skip-create', 'refresh=pool/a', '|', '5']);
});

test('other verbs take options between their words', () => {
  expect(cut(['refresh', 'pool/a', '-f', '5'])).toEqual(['refresh', 'force', '|', 'pool/a', '5']);
});

test('a repeatable option keeps the order of its values and takes no word that follows', () => {
  expect(cut(['-d', 'a:/b', '-z', 'p', '-d', 'c:/d', 'e:/f'])).toEqual(['run', 'zfs=p', 'bind=a:/b', 'bind=c:/d', '|', 'e:/f']);
});

test('a flag given twice is a flag, and one named no- is an option of its own', () => {
  expect(cut(['-n', '-n', '--no-seccomp', 'ls'])).toEqual(['run', 'share-net', 'no-seccomp', '|', 'ls']);
});

test.each([
  [['-e', 'lxc', '--engine=bwrap', 'ls'], 'The option --engine was given twice.', undefined],
  [['--foo', 'ls'], 'There is no option --foo.', 'isolate --help lists the options'],
  [['--read-onyl', 'ls'], 'There is no option --read-onyl.', 'did you mean --read-only?'],
  [['--eph', 'ls'], 'There is no option --eph.', 'did you mean --ephemeral?'],
  [['-nK', 'ls'], 'There is no option -K.', 'isolate --help lists the options'],
  [['-é', 'ls'], 'There is no option -é.', 'isolate --help lists the options'],
  [['--no-env', 'ls'], 'There is no option --no-env.', 'isolate --help lists the options'],
  [['--share-net=yes', 'ls'], 'The option --share-net takes no value.', undefined],
  [['-z'], 'The option --zfs needs a value.', '-z, --zfs DATASET'],
  [['--wait'], 'The option --wait needs a value.', '--wait SECONDS'],
  [['refresh', '-z', 'a'], 'isolate refresh has no option -z.', '-z is an option of isolate run, isolate doctor'],
  [['--prove', 'ls'], 'isolate run has no option --prove.', '--prove is an option of isolate doctor'],
  [['--watch', 'status'], 'The verb status must come first, before any option.', 'isolate status ...'],
  [['--front', '/a', 'serve'], 'The verb serve must come first, before any option.', 'isolate serve ...'],
  [['--watch', 'refresh'], 'isolate run has no option --watch.', '--watch is an option of isolate list, isolate status, isolate ps'],
])('%j is refused', (argv, message, hint) => {
  expect(refusalOf(argv)).toEqual({ code: 'usage', message, hint });
});

/** The verb, the options in the order of their kinds, and behind the bar the words. */
function cut(argv: readonly string[]): string[] {
  const { verb, flags, values, lists, words } = parse(argv);
  const single = [...values].map(([name, value]) => `${name}=${value}`);
  const listed = [...lists].flatMap(([name, list]) => list.map((value) => `${name}=${value}`));
  return [verb, ...flags, ...single, ...listed, '|', ...words];
}

function parse(argv: readonly string[]): ParsedArguments {
  return parseOwn(argv);
}

function refusalOf(argv: readonly string[]) {
  try {
    parse(argv);
  } catch (error) {
    if (error instanceof IsolateError) {
      return { code: error.code, message: error.message, hint: error.hint };
    }
    throw error;
  }
  return null;
}
