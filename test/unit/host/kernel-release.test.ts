import { expect, test } from 'vitest';

import { isAtLeast, parseRelease } from '../../../src/host/kernel-release.ts';

test.each([
  ['6.1.0-18-amd64', { major: 6, minor: 1 }],
  ['6.18.44-fc-v657', { major: 6, minor: 18 }],
  ['2.2.2-1', { major: 2, minor: 2 }],
  ['5.10', { major: 5, minor: 10 }],
  ['', null],
  ['v6.1', null],
])('%j is release %j', (text, release) => {
  expect(parseRelease(text)).toEqual(release);
});

test('releases are compared by number, not by text', () => {
  const release = { major: 5, minor: 10 };
  expect([
    isAtLeast(release, 5, 9),
    isAtLeast(release, 5, 10),
    isAtLeast(release, 5, 11),
    isAtLeast(release, 4, 99),
    isAtLeast(release, 6, 0),
  ]).toEqual([true, true, false, true, false]);
});

test('an unknown release has no feature', () => {
  expect(isAtLeast(null, 0, 0)).toBe(false);
});
