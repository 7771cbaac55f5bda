import { expect, test } from 'vitest';

import { compareListings, parseListing } from '../../../src/template/listing.ts';

test('a listing has pairs of a path and a description; what was cut off is left out', () => {
  expect([...parseListing('a\0f 644\0b c\nd\0l 777\0')]).toEqual([
    ['a', 'f 644'],
    ['b c\nd', 'l 777'],
  ]);
  expect([...parseListing('')]).toEqual([]);
  expect([...parseListing('a\0f 644\0b\0l')]).toEqual([['a', 'f 644']]);
});

test('many empty pairs are one', () => {
  expect([...parseListing('\0'.repeat(1_000_000))]).toEqual([['', '']]);
});

test('two listings differ in what was added, changed and removed', () => {
  expect(compareListings(parseListing('a\x001\0b\x001\0'), parseListing('b\x002\0c\x001\0'))).toEqual({
    added: ['c'],
    changed: ['b'],
    removed: ['a'],
  });
});
