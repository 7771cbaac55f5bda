import { expect, test } from 'vitest';

import { formatLeased, parseLeased } from '../../../src/wire/leased.ts';

const leased = { id: '17', path: '/run/isolate/mnt/x/17', targets: ['/data', '/etc/resolv.conf'] };

test('what is told of a clone comes back as it was', () => {
  expect(parseLeased(formatLeased(leased), 2)).toEqual(leased);
});

test.each([
  ['no JSON', '{'],
  ['no object', 'null'],
  ['an id that is a path', JSON.stringify({ ...leased, id: '../17' })],
  ['a relative path', JSON.stringify({ ...leased, path: 'mnt' })],
  ['too few targets', JSON.stringify({ ...leased, targets: ['/data'] })],
  ['a target that is no text', JSON.stringify({ ...leased, targets: ['/data', 3] })],
  ['a target that leads up', JSON.stringify({ ...leased, targets: ['/data', '/a/../../etc'] })],
])('%s is not taken for a clone', (_what, text) => {
  expect(() => parseLeased(text, 2)).toThrow(expect.objectContaining({ code: 'daemon-failed' }));
});
