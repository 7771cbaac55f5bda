import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { createPatience, type Patience } from '../../../src/daemon/patience.ts';

let making: boolean;
let patience: Patience;
let gaveUp: [name: string, waitedMs: number][];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  making = false;
  gaveUp = [];
  patience = createPatience(() => making);
});
afterEach(() => void vi.useRealTimers());

const expectClone = (name: string, waitMs: number): (() => void) => patience.expect(waitMs, (waitedMs) => gaveUp.push([name, waitedMs]));

test('if nothing is being made, nobody waits beyond the time', () => {
  expectClone('short', 500);
  const callOff = expectClone('called off', 700);
  expectClone('long', 900);
  callOff();
  vi.advanceTimersByTime(900);
  expect(gaveUp).toEqual([
    ['short', 500],
    ['long', 900],
  ]);
});

test('while something is being made, and for a second after it, everybody waits on', () => {
  making = true;
  expectClone('one', 500);
  vi.advanceTimersByTime(60_000);
  expect(gaveUp).toEqual([]);
  making = false;
  vi.advanceTimersByTime(1_000);
  patience.goesOn();
  vi.advanceTimersByTime(1_000);
  expect(gaveUp).toEqual([]);
  vi.advanceTimersByTime(500);
  expect(gaveUp).toEqual([['one', 62_250]]);
});

test('the wait for something that is never ready ends five minutes after the time', () => {
  making = true;
  expectClone('one', 500);
  vi.advanceTimersByTime(300_400);
  expect(gaveUp).toEqual([]);
  vi.advanceTimersByTime(500);
  expect(gaveUp.map(([name]) => name)).toEqual(['one']);
});
