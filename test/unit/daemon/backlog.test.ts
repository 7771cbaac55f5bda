import { expect, test } from 'vitest';

import { createBacklog } from '../../../src/daemon/backlog.ts';

const mebibyte = 1024 * 1024;

test('a user has room for so much at once, root for all', () => {
  const takeRoom = createBacklog();
  const taken = Array.from({ length: 5 }, () => takeRoom(1, mebibyte));
  expect(taken.map((room) => room !== null)).toEqual([true, true, true, true, false]);
  expect(takeRoom(1, 1)).toBeNull();
  expect(takeRoom(2, mebibyte)).not.toBeNull();
  expect(Array.from({ length: 5 }, () => takeRoom(0, mebibyte)).includes(null)).toBe(false);
  taken[0]?.();
  expect([takeRoom(1, mebibyte) === null, takeRoom(1, 1) === null]).toEqual([false, true]);
});
