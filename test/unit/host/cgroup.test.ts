import { expect, test } from 'vitest';

import {
  chooseCgroups,
  chooseCgroupsBeside,
  chooseOthers,
  type ControllerName,
  findOwnGroup,
  parseCgroups,
} from '../../../src/host/cgroup.ts';
import { parseMountinfo } from '../../../src/host/mountinfo.ts';

const version2Mount = parseMountinfo('30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n');
const version1Mounts = parseMountinfo(
  [
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n'),
);

/** Groups that hand controllers on, and those that the caller may write. */
function reader(enabled: Readonly<Record<string, string>>, writable: readonly string[]) {
  return {
    words: (file: string) => (enabled[file.replace('/cgroup.subtree_control', '')] ?? '').split(' '),
    writable: (directory: string) => writable.includes(directory),
  };
}

test('the groups of a process are read for both versions', () => {
  expect(parseCgroups('4:memory:/a b\n2:cpu,cpuacct:/\n1:name=systemd:/init.scope\n0::/user.slice\nbroken\n')).toEqual([
    { hierarchy: 4, controllers: ['memory'], path: '/a b' },
    { hierarchy: 2, controllers: ['cpu', 'cpuacct'], path: '/' },
    { hierarchy: 1, controllers: ['name=systemd'], path: '/init.scope' },
    { hierarchy: 0, controllers: [], path: '/user.slice' },
  ]);
});

const all: readonly ControllerName[] = ['cpu', 'memory', 'pids'];

test("in version 1 the place is the caller's own group", () => {
  const memberships = parseCgroups('4:memory:/svc/a\n2:cpu,cpuacct:/\n0::/\n');
  expect(chooseCgroups(all, version1Mounts, memberships, { words: () => [], writable: () => true })).toEqual({
    cpu: { version: 1, directory: '/sys/fs/cgroup/cpu,cpuacct' },
    memory: { version: 1, directory: '/sys/fs/cgroup/memory/svc/a' },
    pids: null,
  });
});

test('limits of the caller do not apply beside its own group, and nothing is beside the highest group that it sees', () => {
  const memberships = parseCgroups('4:memory:/system.slice/isolated-pools.service\n2:cpu,cpuacct:/\n0::/\n');
  expect(chooseCgroupsBeside(all, version1Mounts, memberships, { words: () => [], writable: () => true })).toEqual({
    cpu: { version: 1, directory: '/sys/fs/cgroup/cpu,cpuacct' },
    memory: { version: 1, directory: '/sys/fs/cgroup/memory/system.slice' },
    pids: null,
  });
  const container = parseMountinfo('35 31 0:32 /box/own /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory');
  expect(chooseCgroupsBeside(['memory'], container, parseCgroups('4:memory:/box/own'), { words: () => [], writable: () => true })).toEqual({
    cpu: null,
    memory: { version: 1, directory: '/sys/fs/cgroup/memory' },
    pids: null,
  });
});

test('in version 2 the place beside a service is its slice', () => {
  const service = parseCgroups('0::/system.slice/isolated-pools.service\n');
  const system = '/sys/fs/cgroup/system.slice';
  const handsOn = reader({ '/sys/fs/cgroup': 'cpu memory pids', [system]: 'cpu memory pids' }, ['/sys/fs/cgroup', system]);
  const place = { version: 2, directory: system };
  expect(chooseCgroupsBeside(all, version2Mount, service, handsOn)).toEqual({ cpu: place, memory: place, pids: place });
});

const session = parseCgroups('0::/user.slice/user-0.slice/session-1.scope\n');
const slice = '/sys/fs/cgroup/user.slice';
const systemd = reader({ '/sys/fs/cgroup': 'cpu memory pids', [slice]: 'cpu memory pids', [`${slice}/user-0.slice`]: 'memory pids' }, [
  '/sys/fs/cgroup',
  slice,
  `${slice}/user-0.slice`,
]);

test('in version 2 it is the nearest group above that passes on the controllers', () => {
  const place = { version: 2, directory: `${slice}/user-0.slice` };
  expect(chooseCgroups(['memory', 'pids'], version2Mount, session, systemd)).toEqual({ cpu: null, memory: place, pids: place });
});

test('in version 2 all controllers share the nearest group that has them all, because a process is in one group', () => {
  const place = { version: 2, directory: slice };
  expect(chooseCgroups(all, version2Mount, session, systemd)).toEqual({ cpu: place, memory: place, pids: place });
});

test('a user without a delegated group has none', () => {
  const memberships = parseCgroups('0::/user.slice/user-1000.slice/session-3.scope\n');
  const host = reader({ [`${slice}/user-1000.slice`]: 'memory pids' }, []);
  expect(chooseCgroups(all, version2Mount, memberships, host)).toEqual({ cpu: null, memory: null, pids: null });
});

test('a controller that nobody passes on does not prevent the use of others', () => {
  const host = reader({ '/sys/fs/cgroup': 'memory pids' }, ['/sys/fs/cgroup']);
  const place = { version: 2, directory: '/sys/fs/cgroup' };
  expect(chooseCgroups(all, version2Mount, parseCgroups('0::/\n'), host)).toEqual({ cpu: null, memory: place, pids: place });
});

test('a group outside of what is mounted cannot be used', () => {
  const mounts = parseMountinfo('30 23 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n');
  const host = reader({ '/sys/fs/cgroup': 'memory' }, ['/sys/fs/cgroup']);
  const memoryOf = (group: string) => chooseCgroups(['memory'], mounts, parseCgroups(`0::${group}\n`), host).memory;
  expect([memoryOf('/box/run'), memoryOf('/boxes'), memoryOf('/../other')]).toEqual([
    { version: 2, directory: '/sys/fs/cgroup' },
    null,
    null,
  ]);
});

const noLimits = { cpu: null, memory: null, pids: null };

test.each([
  ['of the first hierarchy that is mounted', '9:devices:/x\n4:memory:/svc/a\n0::/b\n', '/sys/fs/cgroup/memory/svc/a'],
  ['of version 2', '0::/b\n', '/sys/fs/cgroup/unified/b'],
  ['in no hierarchy that is mounted', '9:devices:/x\n', null],
  ['outside of what is mounted', '0::/../b\n', null],
])('the own group of a process is seen where it is: %s', (_, memberships, found) => {
  expect(findOwnGroup(version1Mounts, parseCgroups(memberships))).toBe(found);
});

test('a run in all hierarchies has a group beside the caller in each that no limit puts it in, with what a cpuset needs', () => {
  const mounts = [
    ...version1Mounts,
    ...parseMountinfo(
      [
        '42 31 0:39 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
        '43 31 0:40 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
      ].join('\n'),
    ),
  ];
  const memberships = parseCgroups('5:name=systemd:/a\n4:memory:/a\n3:cpuset:/\n2:cpu,cpuacct:/\n0::/a\n');
  const words = (file: string): readonly string[] => [{ 'cpuset.cpus': '0-1', 'cpuset.mems': '0' }[file.split('/').at(-1) ?? ''] ?? ''];
  const reader = { words, writable: () => true };
  const chosen = { ...noLimits, memory: { version: 1, directory: '/sys/fs/cgroup/memory/a' } } as const;
  const cpuset = [
    { file: 'cpuset.cpus', value: '0-1' },
    { file: 'cpuset.mems', value: '0' },
  ];
  expect(chooseOthers(chosen, mounts, memberships, reader)).toEqual([
    { directory: '/sys/fs/cgroup/systemd/a', settings: [] },
    { directory: '/sys/fs/cgroup/cpuset', settings: cpuset },
    { directory: '/sys/fs/cgroup/cpu,cpuacct', settings: [] },
    { directory: '/sys/fs/cgroup/unified/a', settings: [] },
  ]);
});

test.each<[string, Readonly<Record<string, unknown>>, readonly string[], readonly string[]]>([
  ['where a limit is in that hierarchy', { pids: { version: 2, directory: '/sys/fs/cgroup' } }, ['domain'], ['/sys/fs/cgroup/a']],
  ['where it cannot be made', {}, ['domain'], []],
  ['below a threaded group', {}, ['threaded'], ['/sys/fs/cgroup/a']],
])('there is no group of its own %s', (_where, chosen, words, writable) => {
  const reader = { words: () => words, writable: (directory: string) => writable.includes(directory) };
  expect(chooseOthers({ ...noLimits, ...chosen }, version2Mount, parseCgroups('0::/a\n'), reader)).toEqual([]);
});

test("in version 2 it is beside the caller's processes", () => {
  const reader = { words: () => ['domain'], writable: () => true };
  expect(chooseOthers(noLimits, version2Mount, parseCgroups('0::/a\n'), reader)).toEqual([{ directory: '/sys/fs/cgroup/a', settings: [] }]);
});
