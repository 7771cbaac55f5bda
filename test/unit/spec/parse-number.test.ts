import { expect, test } from 'vitest';

import { parseInteger, parseSeconds, parseSize } from '../../../src/spec/parse-number.ts';

const badNumbers = ['-1', '+1', '1e3', '0x10', ' 5', '5 ', '', '01', '1.0', '1_000', '٣', 'NaN', 'Infinity', '5\n'];

test.each(badNumbers)('%j is not a whole number', (text) => {
  expect(() => parseInteger('--pids', text, 0, 100)).toThrow(
    expect.objectContaining({ code: 'usage', message: `--pids takes a whole number from 0 to 100, not ${JSON.stringify(text)}.` }),
  );
});

test('whole numbers keep within their bounds', () => {
  expect([parseInteger('-', '0', 0, 9), parseInteger('-', '9', 0, 9), parseInteger('-', 5, 0, 9)]).toEqual([0, 9, 5]);
  expect(() => parseInteger('-', '10', 0, 9)).toThrow();
  expect(() => parseInteger('-', 1.5, 0, 9)).toThrow();
  expect(() => parseInteger('-', Number.NaN, 0, 9)).toThrow();
});

test.each([
  ['1', 1],
  ['4096', 4096],
  ['10B', 10],
  ['1k', 1024],
  ['1K', 1024],
  ['1KB', 1024],
  ['512M', 512 * 2 ** 20],
  ['512MiB', 512 * 2 ** 20],
  ['1G', 2 ** 30],
  ['3T', 3 * 2 ** 40],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize('--memory', text)).toBe(bytes);
});

test.each(['0', '-1', '1.5G', '1 G', 'G', '1GG', '1e3', '0x10', '', '9007199254740993', '9999999T', '1P'])('%j is not a size', (text) => {
  expect(() => parseSize('--memory', text)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test.each([
  ['0', 0],
  ['0.001', 1],
  ['1.5', 1500],
  ['10', 10_000],
  ['2147483', 2_147_483_000],
])('%s seconds are %d ms', (text, ms) => {
  expect(parseSeconds('--wait', text, 0)).toBe(ms);
});

test.each(['-1', '1e3', '.5', '1.', '1.0001', ' 1', '0x1', '', '2147484', '1s'])('%j is not a number of seconds', (text) => {
  expect(() => parseSeconds('--wait', text, 0)).toThrow(expect.objectContaining({ code: 'usage' }));
});
