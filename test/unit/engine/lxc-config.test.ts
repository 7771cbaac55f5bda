import { expect, test } from 'vitest';

import { encodeLxcConfig, formatMountEntry } from '../../../src/engine/lxc-config.ts';

const encode = (key: string, value: string) => new TextDecoder().decode(encodeLxcConfig([[key, value]]));

test('a value stands in quotes on one line', () => {
  expect(encode('lxc.uts.name', ' a "b" ')).toBe('lxc.uts.name = " a "b" "\n');
});

test.each(['\n', '\r', '\0', '\t', '\u001b', '\u007f', '\u0085'])('a value with %j in it is refused', (character) => {
  expect(() => encode('lxc.rootfs.path', `dir:/a${character}b`)).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
});

test('a value that is not well-formed is refused', () => {
  expect(() => encode('lxc.init.cwd', '/\ud800')).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
});

test('an empty value, which would clear its key, is refused', () => {
  expect(() => encode('lxc.uts.name', '')).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
});

test('a key that is not one of LXC is refused', () => {
  expect(() => encode('lxc.a = b\nlxc.c', 'x')).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
});

test('blanks and backslashes of a mount entry are written as octal numbers', () => {
  expect(formatMountEntry({ source: '/a b', target: 'c\\d\te', type: 'none', options: ['rbind', 'create=dir'] })).toBe(
    '/a\\040b c\\134d\\011e none rbind,create=dir',
  );
});
