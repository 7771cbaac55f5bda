import { expect, test } from 'vitest';

import { formatLimits, parseLimits } from '../../../src/run/wire-limits.ts';

test.each([[{}], [{ pids: 1 }], [{ cpuPercent: 150, memoryBytes: 2 ** 40, pids: 4_194_304 }]])(
  'the limits %j come back unchanged',
  (limits) => {
    expect(parseLimits(formatLimits(limits))).toEqual(limits);
  },
);

test.each([
  ['pids'],
  ['pids='],
  ['pids=0'],
  ['pids=-1'],
  ['pids=1e3'],
  ['pids=9999999999999999'],
  ['pids=1\n'],
  ['__proto__=1'],
  ['toString=1'],
  ['swap=1'],
])('%j is not a limit', (text) => {
  expect(() => parseLimits([text])).toThrow(expect.objectContaining({ code: 'usage' }));
});

test('a limit is named once', () => {
  expect(() => parseLimits(['pids=1', 'pids=2'])).toThrow(expect.objectContaining({ code: 'usage' }));
});
