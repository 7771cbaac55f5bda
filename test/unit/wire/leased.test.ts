import { expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { formatLeased, type LeasedView, parseLeased } from '../../../src/wire/leased.ts';

const uidMap = [
  { inside: 0, outside: 1000, count: 1 },
  { inside: 1, outside: 100_000, count: 65_535 },
];
const view: LeasedView = {
  mountpoints: { tmp: '/var/tmp', missing: ['/proc'], hasPrograms: true },
  targets: [{ path: '/data', kind: 'missing' }, new IsolateError('bad-bind', 'It leads nowhere.')],
};
const leased = { id: '17', path: '/run/isolate/mnt/x/17', view, uidMap, gidMap: uidMap.slice(0, 1) };
const run = '0123456789abcdef';
const group = { path: `/sys/fs/cgroup/isolate-${run}`, settings: [{ file: 'cpu.max', value: '50000 100000' }] };
const written = JSON.parse(formatLeased(leased)) as object;

test('what is told of a clone comes back as it was', () => {
  expect(parseLeased(formatLeased(leased), 2)).toEqual(leased);
});

test('so are the groups of a run with limits', () => {
  const limited = { ...leased, groups: { run, directories: [group, { path: '/a', settings: [] }] } };
  expect(parseLeased(formatLeased(limited), 2)).toEqual(limited);
});

test.each([
  ['no JSON', '{'],
  ['no object', 'null'],
  ['an id that is a path', JSON.stringify({ ...written, id: '../17' })],
  ['a relative path', JSON.stringify({ ...written, path: 'mnt' })],
  ['too few targets', JSON.stringify({ ...written, targets: view.targets.slice(0, 1) })],
  ['a target that is no text', JSON.stringify({ ...written, targets: [view.targets[0], 3] })],
  ['no map', JSON.stringify({ ...written, uidMap: [] })],
  ['half a map', JSON.stringify({ ...written, gidMap: [[0, 1000]] })],
  ['an id that is none', JSON.stringify({ ...written, gidMap: [[0, 2 ** 32, 1]] })],
  ['a run that is none', JSON.stringify({ ...written, groups: { run: '../../etc', directories: [group] } })],
  ['no group', JSON.stringify({ ...written, groups: { run, directories: [] } })],
  ['a group that leads up', JSON.stringify({ ...written, groups: { run, directories: [{ ...group, path: '/a/..' }] } })],
  [
    'a setting that leads elsewhere',
    JSON.stringify({ ...written, groups: { run, directories: [{ ...group, settings: [{ file: '../x', value: '1' }] }] } }),
  ],
  ['a target that leads up', JSON.stringify({ ...written, targets: [view.targets[0], { path: '/a/../../etc', kind: 'missing' }] })],
  ['a target of no kind', JSON.stringify({ ...written, targets: [view.targets[0], { path: '/a', kind: 'fifo' }] })],
  ['a /tmp that leads up', JSON.stringify({ ...written, mountpoints: { ...view.mountpoints, tmp: '/..' } })],
  ['no mountpoints', JSON.stringify({ ...written, mountpoints: null })],
])('%s is not taken for a clone', (_what, text) => {
  expect(() => parseLeased(text, 2)).toThrow(expect.objectContaining({ code: 'daemon-failed' }));
});
