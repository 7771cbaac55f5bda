import { expect, test } from 'vitest';

import { parseEndpoint } from '../../../src/copy/endpoint.ts';

const guest = (name: string, path: string, form: 'directory' | 'contents' | null = null): object => ({
  kind: 'guest',
  name,
  path,
  isDirectory: form !== null,
  isContents: form === 'contents',
});
const host = (path: string, form: 'directory' | 'contents' | null = null): object => ({
  kind: 'host',
  path,
  isDirectory: form !== null,
  isContents: form === 'contents',
});

test.each([
  ['-', { kind: 'stream' }],
  ['one:/etc/passwd', guest('one', 'etc/passwd')],
  ['one:etc', guest('one', 'etc')],
  ['one:/etc/', guest('one', 'etc', 'directory')],
  ['one:/etc/.', guest('one', 'etc', 'contents')],
  ['one:/', guest('one', '.', 'contents')],
  ['one:', guest('one', '.', 'contents')],
  ['one:/etc/..', guest('one', '.', 'contents')],
  ['one:/../../etc//./apt/../passwd', guest('one', 'etc/passwd')],
  ['one:/a:b', guest('one', 'a:b')],
  ['one:/new\nline', guest('one', 'new\nline')],
  ['one:-', guest('one', '-')],
  ['./a:b', host('./a:b')],
  ['/a:b', host('/a:b')],
  ['../a:b', host('../a:b')],
  ['.a:b', host('.a:b')],
  [':b', host(':b')],
  ['a/b:c', host('a/b:c')],
  ['a', host('a')],
  ['a/', host('a/', 'directory')],
  ['a/.', host('a/.', 'contents')],
  ['.', host('.', 'contents')],
  ['..', host('..', 'contents')],
  ['a/..', host('a/..', 'contents')],
  ['/', host('/', 'contents')],
  ['a.', host('a.')],
  ['a..', host('a..')],
])('%j is understood', (word, endpoint) => {
  expect(parseEndpoint(word)).toEqual(word === '-' ? endpoint : { ...endpoint, word });
});

test('an empty path is refused', () => {
  expect(() => parseEndpoint('')).toThrow('A path is empty.');
});
