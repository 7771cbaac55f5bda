import fc from 'fast-check';
import { expect, test } from 'vitest';

import { dangerousCharacters, escapeInJson, toJson } from '../../src/json.ts';

/** Texts of which about every second character is dangerous. */
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\u0000',
      '\u001b',
      '\u007f',
      '\u0080',
      '\u009b',
      '\u061c',
      '\u200f',
      '\u2028',
      '\u202e',
      '\u2066',
      '"',
      '\\',
      '\u{1f600}',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  ),
});

test('JSON for a terminal contains no dangerous character, and means the same', () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile))), (value) => {
      const text = toJson(value);
      expect(text).not.toMatch(new RegExp(dangerousCharacters, 'u'));
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(escapeInJson(text)).toBe(text);
    }),
  );
});
