import { expect, test } from 'vitest';

import { parseDataset } from '../../../src/spec/parse-name.ts';

test.each(['rpool/isolate/debisl', 'p-1/a.b:c_d', 'tank/_a', `p/${'a'.repeat(232)}`])('%s is a dataset', (name) => {
  expect(parseDataset(name)).toBe(name);
});

test.each([
  ['', 'a part of it is empty'],
  ['a//b', 'a part of it is empty'],
  ['a/', 'a part of it is empty'],
  ['/a', 'it looks like a directory'],
  ['./a', 'it looks like a directory'],
  ['-a', 'a part of it begins with "-"'],
  ['a/-b', 'a part of it begins with "-"'],
  ['a/../b', 'a part of it is "." or contains ".."'],
  ['a/.', 'a part of it is "." or contains ".."'],
  ['a/b..c', 'a part of it is "." or contains ".."'],
  ['a b', 'only letters, digits and "_.:-" are allowed'],
  ['a\nb', 'only letters, digits and "_.:-" are allowed'],
  ['a\n', 'only letters, digits and "_.:-" are allowed'],
  ['ä', 'only letters, digits and "_.:-" are allowed'],
  ['a%b', 'only letters, digits and "_.:-" are allowed'],
  ['a@1', 'it names a snapshot or bookmark'],
  ['a#1', 'it names a snapshot or bookmark'],
  [`p/${'a'.repeat(233)}`, 'it is longer than 234 characters'],
  ['1a/b', 'the name of a pool begins with a letter'],
  ['rpool', 'it is a whole pool, and clones are made beside their template'],
])('%j is not a dataset', (name, reason) => {
  expect(() => parseDataset(name)).toThrow(
    expect.objectContaining({ code: 'bad-name', message: `${JSON.stringify(name)} is not a dataset that isolate can use: ${reason}.` }),
  );
});

test('the error for a snapshot names its dataset', () => {
  expect(() => parseDataset('tank/deb@monday')).toThrow(
    expect.objectContaining({ hint: 'name the dataset, "tank/deb": a run gets a clone of its newest snapshot' }),
  );
});
