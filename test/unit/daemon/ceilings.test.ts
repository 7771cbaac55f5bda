import { expect, test } from 'vitest';

import { checkCeilings } from '../../../src/daemon/ceilings.ts';
import { IsolateError } from '../../../src/error.ts';

const ceilings = { cpuPercent: 200, memoryBytes: 2 ** 31, pids: 100 };

test('what is at the ceiling, below it or without one may be asked for', () => {
  for (const limits of [{}, ceilings, { pids: 1 }]) expect(() => checkCeilings(limits, ceilings)).not.toThrow();
  expect(() => checkCeilings({ cpuPercent: 100_000, memoryBytes: 2 ** 50, pids: 4_194_304 }, {})).not.toThrow();
});

test.each([
  [{ cpuPercent: 201 }, '--cpu 201 is more than the 200 that you may ask for.', 'limits.cpu'],
  [{ memoryBytes: 2 ** 31 + 1 }, '--memory 2147483649 is more than the 2G that you may ask for.', 'limits.memory'],
  [{ memoryBytes: 3 * 2 ** 30 }, '--memory 3G is more than the 2G that you may ask for.', 'limits.memory'],
  [{ pids: 101, cpuPercent: 1 }, '--pids 101 is more than the 100 that you may ask for.', 'limits.pids'],
])('more than that, as %j, is refused', (limits, message, key) => {
  expect(() => checkCeilings(limits, ceilings)).toThrow(
    new IsolateError('not-permitted', message, { hint: `ask for less; root can raise ${key} in /etc/isolate/config.toml` }),
  );
});
