import { expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { formatLeased, type Leased, parseLeased } from '../../../src/run/leased.ts';

const uidMap = [
  { inside: 0, outside: 1000, count: 1 },
  { inside: 1, outside: 100_000, count: 65_535 },
];
const leased: Leased = {
  id: '17',
  path: '/run/isolate/mnt/x/17',
  view: {
    defaults: { environment: { refused: 'no', A: '1' }, user: 'x' },
    mountpoints: { tmp: '/var/tmp', missing: ['/proc'], hasPrograms: true },
    targets: [{ path: '/data', kind: 'missing' }, new IsolateError('bad-bind', 'It leads nowhere.')],
  },
  uidMap,
  gidMap: uidMap.slice(0, 1),
};
const directories = [{ path: '/sys/fs/cgroup/isolate-1', settings: [{ file: 'cpu.max', value: '50000 100000' }] }];

test.each<[string, Leased]>([
  ['a clone', leased],
  ['one with the groups of a run with limits', { ...leased, groups: { run: '0123456789abcdef', directories } }],
])('what is told of %s comes back as it was', (_what, told) => {
  expect(parseLeased(formatLeased(told), 2)).toEqual(told);
});

test.each([
  ['no JSON', '{'],
  ['no object', 'null'],
  ['too few targets', formatLeased({ ...leased, view: { ...leased.view, targets: [] } })],
  ['no map', formatLeased({ ...leased, uidMap: [] })],
  ['what another version may tell', JSON.stringify({ id: '17', path: '/', mountpoints: {}, targets: [], uidMap: [[0, 1, 2]] })],
])('%s is not taken for a clone', (_what, text) => {
  expect(() => parseLeased(text, 2)).toThrow(expect.objectContaining({ code: 'daemon-failed' }));
});
