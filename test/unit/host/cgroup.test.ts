import { expect, test } from 'vitest';

import { chooseCgroup, parseCgroups } from '../../../src/host/cgroup.ts';
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

test("in version 1 the place is the caller's own group", () => {
  const memberships = parseCgroups('4:memory:/svc/a\n2:cpu,cpuacct:/\n0::/\n');
  const anywhere = { words: () => [], writable: () => true };
  expect([
    chooseCgroup('memory', version1Mounts, memberships, anywhere),
    chooseCgroup('cpu', version1Mounts, memberships, anywhere),
    chooseCgroup('pids', version1Mounts, memberships, anywhere),
  ]).toEqual([
    { version: 1, directory: '/sys/fs/cgroup/memory/svc/a' },
    { version: 1, directory: '/sys/fs/cgroup/cpu,cpuacct' },
    null,
  ]);
});

test('in version 2 it is the nearest group above that hands the controller on', () => {
  const memberships = parseCgroups('0::/user.slice/user-0.slice/session-1.scope\n');
  const host = reader({ '/sys/fs/cgroup': 'cpu memory pids', '/sys/fs/cgroup/user.slice': 'cpu memory pids', '/sys/fs/cgroup/user.slice/user-0.slice': 'memory pids' }, [
    '/sys/fs/cgroup',
    '/sys/fs/cgroup/user.slice',
    '/sys/fs/cgroup/user.slice/user-0.slice',
  ]);
  expect([chooseCgroup('memory', version2Mount, memberships, host), chooseCgroup('cpu', version2Mount, memberships, host)]).toEqual([
    { version: 2, directory: '/sys/fs/cgroup/user.slice/user-0.slice' },
    { version: 2, directory: '/sys/fs/cgroup/user.slice' },
  ]);
});

test('a user without a delegated group has none', () => {
  const memberships = parseCgroups('0::/user.slice/user-1000.slice/session-3.scope\n');
  const host = reader({ '/sys/fs/cgroup/user.slice/user-1000.slice': 'memory pids' }, []);
  expect(chooseCgroup('memory', version2Mount, memberships, host)).toBe(null);
});

test('a controller nobody hands on cannot be used', () => {
  expect(chooseCgroup('cpu', version2Mount, parseCgroups('0::/\n'), reader({}, ['/sys/fs/cgroup']))).toBe(null);
});

test('a group outside of what is mounted cannot be used', () => {
  const mounts = parseMountinfo('30 23 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n');
  const host = reader({ '/sys/fs/cgroup': 'memory' }, ['/sys/fs/cgroup']);
  expect([
    chooseCgroup('memory', mounts, parseCgroups('0::/box/run\n'), host),
    chooseCgroup('memory', mounts, parseCgroups('0::/boxes\n'), host),
    chooseCgroup('memory', mounts, parseCgroups('0::/../other\n'), host),
  ]).toEqual([{ version: 2, directory: '/sys/fs/cgroup' }, null, null]);
});
