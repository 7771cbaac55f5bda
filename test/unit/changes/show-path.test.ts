import fc from 'fast-check';
import { expect, test } from 'vitest';

import { showAbsolutePath, showPath, showText, toBytePath } from '../../../src/changes/show-path.ts';
import { dangerousCharacters } from '../../../src/json.ts';

const bytes = fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array).toString('latin1'));

test('a path of UTF-8 is shown as text', () => {
  expect(showPath('etc/caf\xc3\xa9 \xf0\x9f\x98\x80')).toBe('etc/café 😀');
});

test('a path that is no UTF-8 is shown in ASCII', () => {
  expect(showPath('a\xffb\xc3\xa9')).toBe(String.raw`"a\377b\303\251"`);
  // A surrogate, a character of more bytes than it needs, and one above the last.
  expect(showPath('\xed\xa0\x80')).toBe(String.raw`"\355\240\200"`);
  expect(showPath('\xc0\xaf')).toBe(String.raw`"\300\257"`);
  expect(showPath('\xf4\x90\x80\x80')).toBe(String.raw`"\364\220\200\200"`);
});

test('what is dangerous to a terminal is shown as numbers', () => {
  expect(showPath('a\x1b[2J\n\x7f\xc2\x9b\xe2\x80\xae')).toBe(String.raw`"a\033[2J\n\177\302\233\342\200\256"`);
  expect(showText('a\u001b\u009b')).toBe(String.raw`a\033\302\233`);
});

test('different paths look different, and none can give a command to a terminal', () => {
  expect(showPath(String.raw`a\033`)).toBe(String.raw`"a\\033"`);
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      expect(showPath(one) === showPath(other)).toBe(one === other);
      expect(showPath(one)).not.toMatch(new RegExp(dangerousCharacters, 'u'));
    }),
  );
});

test('an absolute path has its slash inside the quotes', () => {
  expect(['.', 'etc/fstab', 'a\n'].map(showAbsolutePath)).toEqual(['/', '/etc/fstab', String.raw`"/a\n"`]);
});

test('the bytes of a text are shown as the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = showText(text.replaceAll(/["\\]/g, String.raw`\$&`));
      expect([escaped, `"${escaped}"`]).toContain(showPath(toBytePath(text)));
    }),
  );
});
