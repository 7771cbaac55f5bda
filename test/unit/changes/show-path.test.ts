import fc from 'fast-check';
import { expect, test } from 'vitest';

import { showPath, showText, toBytePath } from '../../../src/changes/show-path.ts';
import { dangerousCharacters } from '../../../src/json.ts';

const bytes = fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array).toString('latin1'));

test('a path of UTF-8 is shown as text', () => {
  expect(showPath('etc/caf\xc3\xa9 \xf0\x9f\x98\x80')).toBe('etc/café 😀');
});

test('bytes that are no UTF-8 are shown as numbers', () => {
  expect(showPath('a\xffb\xc3')).toBe(String.raw`a\xffb\xc3`);
  // A surrogate, a character of more bytes than it needs, and one above the last.
  expect(showPath('\xed\xa0\x80')).toBe(String.raw`\xed\xa0\x80`);
  expect(showPath('\xc0\xaf')).toBe(String.raw`\xc0\xaf`);
  expect(showPath('\xf4\x90\x80\x80')).toBe(String.raw`\xf4\x90\x80\x80`);
});

test('what is dangerous to a terminal is shown as numbers', () => {
  expect(showPath('a\x1b[2J\n\x7f\xc2\x9b\xe2\x80\xae')).toBe(String.raw`a\x1b[2J\x0a\x7f\u009b\u202e`);
  expect(showText('a\u001b\u009b')).toBe(String.raw`a\x1b\u009b`);
});

test('different paths look different, and none can give a command to a terminal', () => {
  expect(showPath(String.raw`a\x1b`)).toBe(String.raw`a\\x1b`);
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      expect(showPath(one) === showPath(other)).toBe(one === other);
      expect(showPath(one)).not.toMatch(new RegExp(dangerousCharacters, 'u'));
    }),
  );
});

test('the bytes of a text are shown as the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(showPath(toBytePath(text))).toBe(showText(text.replaceAll('\\', '\\\\')));
    }),
  );
});
