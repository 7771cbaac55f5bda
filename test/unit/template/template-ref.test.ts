import { expect, test } from 'vitest';

import { parseTemplate, templateName } from '../../../src/template/template-ref.ts';

const base = { workingDirectory: '/work/here', home: '/home/ada' };

test.each([
  ['/srv/debian/', { kind: 'directory', path: '/srv/debian' }],
  ['./debian', { kind: 'directory', path: '/work/here/debian' }],
  ['../debian', { kind: 'directory', path: '/work/debian' }],
  ['.', { kind: 'directory', path: '/work/here' }],
  ['..', { kind: 'directory', path: '/work' }],
  ['~/debian', { kind: 'directory', path: '/home/ada/debian' }],
  ['rpool/isolate/debian', { kind: 'dataset', dataset: 'rpool/isolate/debian' }],
  ['debian-12.5_minimal', { kind: 'name', name: 'debian-12.5_minimal' }],
] as const)('%s means %o', (text, meant) => {
  expect(parseTemplate(text, base)).toEqual(meant);
  if (meant.kind !== 'name') expect(parseTemplate(templateName(meant), base)).toEqual(meant);
});

test.each([
  ['', 'it is empty'],
  ['a@b', 'only letters, digits and "._-" are allowed, the first a letter or digit'],
  ['.a', 'only letters, digits and "._-" are allowed, the first a letter or digit'],
  ['debian_12', 'clones have names that end so'],
  ['a..b', 'it contains ".."'],
  ['debian.isolate-new-00112233445566aa', 'unfinished templates have such names'],
  ['a'.repeat(101), 'it is longer than 100 characters'],
])('%j is no name for a template: %s', (text, reason) => {
  expect(() => parseTemplate(text, base)).toThrow(`${JSON.stringify(text)} is not a name for a template: ${reason}.`);
});

test('the root of the host is no template, and without a home ~ means nothing', () => {
  expect(() => parseTemplate('/', base)).toThrow('"/" cannot be a template: it is the root of this host.');
  expect(() => parseTemplate('~/x', { ...base, home: null })).toThrow('"~/x" is in your home directory, and you have none.');
});
