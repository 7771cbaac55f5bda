import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { createTurns } from '../../../src/daemon/turns.ts';

test('a request behind a flood of another user comes second, and each user keeps the order', async () => {
  const takeTurn = createTurns();
  const order: string[] = [];
  const ask = async (uid: number, name: string): Promise<void> => {
    await takeTurn(uid);
    order.push(name);
  };
  const flood = Array.from({ length: 100 }, (_, index) => ask(1000, `flood ${index}`));
  await Promise.all([ask(1001, 'one'), ask(1001, 'two'), ...flood]);
  expect(order.indexOf('one')).toBeLessThanOrEqual(2);
  expect(order.indexOf('two')).toBeLessThanOrEqual(4);
  expect(order.filter((name) => name.startsWith('flood'))).toEqual(Array.from({ length: 100 }, (_, index) => `flood ${index}`));
});

test('a single request does not wait, even after others', async () => {
  const takeTurn = createTurns();
  for (let count = 0; count < 3; count += 1) {
    let done = false;
    void takeTurn(1).then(() => (done = true));
    await Promise.resolve();
    await Promise.resolve();
    expect(done).toBe(true);
    await nextTurn();
    await nextTurn();
  }
});

test('no turn comes while there is a pause', async () => {
  const read = Promise.withResolvers<void>();
  let pause: Promise<void> | null = read.promise;
  const takeTurn = createTurns(() => pause);
  const order: number[] = [];
  for (const number of [1, 2, 3]) void takeTurn(number).then(() => order.push(number));
  for (let turns = 0; turns < 5; turns += 1) await nextTurn();
  expect(order).toEqual([1]);
  pause = null;
  read.resolve();
  for (let turns = 0; turns < 5; turns += 1) await nextTurn();
  expect(order).toEqual([1, 2, 3]);
});
