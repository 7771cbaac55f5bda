import { constants } from 'node:os';
import { expect, it } from 'vitest';

import { decodeOutcome, encodeOutcome, type Outcome } from '../../../src/launch/outcome.ts';
import { signalName, signalNumber } from '../../../src/launch/signals.ts';

it.each<[outcome: Outcome, numbers: readonly [kind: number, number: number]]>([
  [{ kind: 'exited', code: 7 }, [2, 7]],
  [{ kind: 'killed', signal: 'SIGTERM' }, [3, 15]],
  [{ kind: 'killed', signal: 'SIG40' as NodeJS.Signals }, [3, 40]],
  [{ kind: 'not-executed', errno: 'EACCES' }, [5, 13]],
  [{ kind: 'timed-out' }, [6, 0]],
])('the outcome %j is %j in numbers, and back', (outcome, numbers) => {
  expect(encodeOutcome(outcome)).toEqual(numbers);
  expect(decodeOutcome(...numbers)).toEqual(outcome);
});

it('a start and a failure are no outcomes', () => {
  expect([1, 4, 99].map((kind) => decodeOutcome(kind, 0))).toEqual([null, null, null]);
});

it('signals have the numbers that they have here', () => {
  const here = Object.entries(constants.signals).filter(([name, number]) => signalName(number) === name);
  expect(here.map(([name]) => signalNumber(name as NodeJS.Signals))).toEqual(here.map(([, number]) => number));
  expect(here).toHaveLength(31);
});
