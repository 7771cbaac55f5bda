import { describe, expect, test } from 'vitest';

import { checkLimits, planCgroups, planGroups } from '../../../src/engine/cgroup.ts';
import type { PlanInput } from '../../../src/engine/engine.ts';
import type { CgroupDirectory } from '../../../src/launch/launch.ts';
import type { CgroupFacts } from '../../../src/host/facts.ts';

const unified = { version: 2, directory: '/sys/fs/cgroup/user.slice' } as const;
const version2: CgroupFacts = { cpu: unified, memory: unified, pids: unified, others: [] };
const version1: CgroupFacts = {
  cpu: { version: 1, directory: '/sys/fs/cgroup/cpu,cpuacct' },
  memory: { version: 1, directory: '/sys/fs/cgroup/memory/a' },
  pids: { version: 1, directory: '/sys/fs/cgroup/pids/' },
  others: [],
};
const none: CgroupFacts = { cpu: null, memory: null, pids: null, others: [] };
const all = { cpuPercent: 150, memoryBytes: 1_000_000, pids: 20 };

describe('planCgroups', () => {
  test('needs no group without limits', () => {
    expect(planCgroups({}, version2, 'id')).toEqual([]);
    expect(planCgroups({}, none, 'id')).toEqual([]);
  });

  test('makes one group of all controllers in the version 2 hierarchy', () => {
    expect(planCgroups(all, version2, 'id')).toEqual([
      {
        path: '/sys/fs/cgroup/user.slice/isolate-id',
        settings: [
          { file: 'cpu.max', value: '150000 100000' },
          { file: 'memory.max', value: '1000000' },
          { file: 'pids.max', value: '24' },
        ],
      },
    ]);
  });

  test('makes a group in each version 1 hierarchy', () => {
    expect(planCgroups(all, version1, 'id')).toEqual([
      {
        path: '/sys/fs/cgroup/cpu,cpuacct/isolate-id',
        settings: [
          { file: 'cpu.cfs_period_us', value: '100000' },
          { file: 'cpu.cfs_quota_us', value: '150000' },
        ],
      },
      { path: '/sys/fs/cgroup/memory/a/isolate-id', settings: [{ file: 'memory.limit_in_bytes', value: '1000000' }] },
      { path: '/sys/fs/cgroup/pids/isolate-id', settings: [{ file: 'pids.max', value: '24' }] },
    ]);
  });

  test('mixes the versions where the host does', () => {
    const groups = planCgroups(all, { ...version2, memory: version1.memory }, 'id');
    expect(groups.map((group) => group.path)).toEqual(['/sys/fs/cgroup/user.slice/isolate-id', '/sys/fs/cgroup/memory/a/isolate-id']);
  });

  test('makes groups without limits where the facts name places for them', () => {
    const cpuset = { directory: '/sys/fs/cgroup/cpuset', settings: [{ file: 'cpuset.cpus', value: '0-1' }] };
    expect(planCgroups({ pids: 1 }, { ...version2, others: [cpuset] }, 'id')).toEqual([
      { path: '/sys/fs/cgroup/user.slice/isolate-id', settings: [{ file: 'pids.max', value: '5' }] },
      { path: '/sys/fs/cgroup/cpuset/isolate-id', settings: cpuset.settings },
    ]);
  });

  test('asks for no share below what the kernel takes', () => {
    expect(planCgroups({ cpuPercent: 0.1 }, version2, 'id')[0]?.settings).toEqual([{ file: 'cpu.max', value: '1000 100000' }]);
  });

  test.each(['cpu', 'memory', 'pids'] as const)('never passes over a limit that has no %s controller', (name) => {
    expect(() => planCgroups(all, { ...version2, [name]: null }, 'id')).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
  });
});

test('checkLimits names every limit that cannot be enforced', () => {
  expect(checkLimits(all, none, 'user').map((problem) => problem.message.split(' ')[0])).toEqual(['--cpu', '--memory', '--pids']);
  expect(checkLimits({}, none, 'user')).toEqual([]);
  expect(checkLimits(all, version1, 'user')).toEqual([]);
});

test('a limit that cannot be enforced has a hint that its caller can follow', () => {
  const pids = { pids: 1 };
  expect([...checkLimits(pids, none, 'root'), ...checkLimits(pids, none, 'user')]).toEqual([
    {
      code: 'cannot-enforce',
      message: '--pids cannot be enforced: this host has no pids controller for cgroups.',
      hint: 'isolate doctor shows how to get it (cgroups)',
    },
    {
      code: 'cannot-enforce',
      message: '--pids cannot be enforced: you may not make a cgroup with the pids controller.',
      hint: 'run isolate with sudo, on a clone (-z) of the daemon, or in a session that systemd delegates cgroups to',
    },
  ]);
});

describe('groups that the daemon makes', () => {
  const byDaemon: CgroupFacts = { ...none, byDaemon: true };
  const input = (groups?: { run: string; directories: readonly CgroupDirectory[] }): PlanInput =>
    ({
      spec: { limits: all },
      facts: { cgroups: byDaemon },
      ...(groups === undefined ? {} : { groups }),
      runId: 'own',
    }) as unknown as PlanInput;

  test('are no reason to refuse limits', () => {
    expect(checkLimits(all, byDaemon, 'user')).toEqual([]);
  });

  test('are joined by the id that the daemon gave the run', () => {
    const directories = [{ path: '/sys/fs/cgroup/pids/isolate-0123456789abcdef', settings: [{ file: 'pids.max', value: '5' }] }];
    expect(planGroups(input({ run: '0123456789abcdef', directories }))).toEqual({
      cgroups: directories,
      groupsOfRun: '0123456789abcdef',
    });
  });

  test('have to be there', () => {
    expect(() => planGroups(input())).toThrow(expect.objectContaining({ code: 'cannot-enforce' }));
  });
});
