import { expect, test } from 'vitest';

import { causesOf, IsolateError } from '../../../src/error.ts';
import { defaultCommand, parseTemplateRecord, printTemplateRecord } from '../../../src/spec/template-record.ts';

function refusal(text: string): readonly string[] {
  try {
    parseTemplateRecord(text, 'pool/web');
    return [];
  } catch (error) {
    return error instanceof IsolateError ? [error.code, error.message, ...causesOf(error)] : ['thrown', String(error)];
  }
}

const withDefaults = (defaults: unknown): string => JSON.stringify({ version: 1, createdMs: 5, defaults });

test('a record without defaults, or with fields of later versions, is taken', () => {
  expect(parseTemplateRecord('{"version":1,"createdMs":7,"more":[]}', 't')).toEqual({ version: 1, createdMs: 7, defaults: {} });
});

test.each<[string, string, readonly string[]]>([
  ['no JSON', 'x', ['/.isolate/template.json in pool/web is not JSON.']],
  ['a list', '[]', ['/.isolate/template.json in pool/web is not an object.']],
  ['a later version', '{"version":2}', ['/.isolate/template.json in pool/web has the version 2, which this isolate does not know.']],
  ['no time', '{"version":1}', ['"createdMs" in /.isolate/template.json in pool/web is not a time in milliseconds.']],
  ['more than 64 KiB', ' '.repeat(65_537), ['/.isolate/template.json in pool/web is longer than 65536 bytes.']],
  [
    'a NUL',
    withDefaults({ command: ['a', 'b\0'] }),
    ['A word of "command" in /.isolate/template.json in pool/web is not a string without NUL characters.'],
  ],
  [
    'a directory on the way up',
    withDefaults({ workingDirectory: '/a/../..' }),
    ['"workingDirectory" in /.isolate/template.json in pool/web cannot be used.', 'It "/a/../.." contains "..".'],
  ],
  [
    'a variable that is none',
    withDefaults({ environment: { 'A=B': '' } }),
    [
      '"environment" in /.isolate/template.json in pool/web cannot be used.',
      'The variable name "A=B" contains a blank, a control character or "=".',
    ],
  ],
  [
    'an option as a user',
    withDefaults({ user: '--reap' }),
    [
      '"user" in /.isolate/template.json in pool/web cannot be used.',
      'A user takes a name or number, optionally with a colon and a group, not "--reap".',
    ],
  ],
])('%s is refused with the name of the template and the file', (_, text, lines) => {
  expect(refusal(text)).toEqual(['bad-template', ...lines]);
});

test('a record is refused in few words, however much it has of what', () => {
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  const long = 'x'.repeat(60_000);
  expect(refusal(`{"version":${deep}}`)).toEqual([
    'bad-template',
    '/.isolate/template.json in pool/web has a version which this isolate does not know.',
  ]);
  for (const text of [`{"version":"${long}"}`, withDefaults({ user: long }), withDefaults({ environment: { [`${long} `]: '' } })]) {
    expect(refusal(text)[0]).toBe('bad-template');
    expect(refusal(text).join(' ').length).toBeLessThan(500);
  }
});

test('what would be refused is not printed', () => {
  expect(() => printTemplateRecord({ version: 1, createdMs: 0, defaults: { workingDirectory: 'relative' } })).toThrow(IsolateError);
});

test('the default command is the entrypoint with the command behind it', () => {
  expect(defaultCommand({ entrypoint: ['/bin/e', '-x'], command: ['a', ''] }, 't')).toEqual(['/bin/e', '-x', 'a', '']);
  expect(defaultCommand({ entrypoint: [], command: [] }, 't')).toBeNull();
  expect(() => defaultCommand({ command: [''] }, 't')).toThrow('The default command in /.isolate/template.json in t is an empty string.');
});
