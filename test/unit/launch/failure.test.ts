import { describe, expect, it } from 'vitest';

import { planExec } from '../../../src/engine/exec.ts';
import { launchFailure } from '../../../src/launch/failure.ts';
import type { Launch } from '../../../src/launch/launch.ts';
import { listItems } from '../../../src/launch/record.ts';
import type { LaunchStep } from '../../../src/launch/steps.ts';
import { bareLaunch } from '../../rig/launches.ts';

const map = [{ inside: 0, outside: 7, count: 1 }];
const launch: Launch = bareLaunch(['/x', 'y'], {
  environment: { A: '1', B: '2' },
  descriptors: [
    { number: 9, kind: 'file', path: '/f' },
    { number: 10, kind: 'data', label: 'text', content: new Uint8Array() },
    { number: 11, kind: 'stage-status', user: 'web:7' },
  ],
  userNamespace: { writer: 'newidmap', uidMap: map, gidMap: map, newuidmap: '/u', newgidmap: '/g' },
  mountNamespace: true,
  hostMounts: [
    { kind: 'mkdir', path: '/m', mode: 0o755 },
    { kind: 'make', root: '/m', target: '/t', create: 'file' },
    { kind: 'copy', root: '/m', source: '/etc/hosts', target: '/h', otherwise: '', line: '' },
  ],
  sandboxMounts: [
    { kind: 'mount', type: 'proc', source: 'proc', root: '/m', target: '/proc', flags: [], options: '' },
    { kind: 'attach', source: '/clone', target: '/m', flags: [], idmap: 'none' },
  ],
  companions: [
    {
      ...bareLaunch(['/helper']),
      name: 'helper',
      identity: 'caller',
    },
  ],
  cgroups: [{ path: '/c', settings: [{ file: 'pids.max', value: '1' }] }],
  root: '/m',
});

const exec = planExec({ engine: 'bwrap', run: 'r', holder: { pid: 7, startTime: '9' } }, { command: ['true'], environment: {} });
const items = listItems(launch, { supervised: false });
const placeOf = (name: string, nth = 0): number => items.flatMap((item, index) => (item.name === name ? [index + 1] : []))[nth] ?? 0;

describe('the failure of a launch', () => {
  it.each<[step: LaunchStep, errno: number, item: number, message: string]>([
    ['engine', 0, 0, 'bare could not start the command.'],
    ['engine', 12, 0, 'bare could not start the command: it needed more memory than --memory allows.'],
    ['execute', 2, 0, 'The launch failed while executing /x: no such file or directory.'],
    ['root', 20, 0, 'The launch failed while changing the root to /m: not a directory.'],
    ['working-directory', 13, 0, 'The launch failed while changing the directory to /: permission denied.'],
    ['stream', 21, 1, 'The launch failed at standard output: illegal operation on a directory.'],
    ['user', 2, 0, 'The user web:7 is not in /etc/passwd of the sandbox.'],
    ['user', 1, 0, 'The user web:7 needs ids that the sandbox does not have.'],
    ['supervision', 0, 0, 'The launch failed in the step supervision.'],
    ['id-map', 1, placeOf('uid-map'), 'The launch failed in the step id-map: operation not permitted.'],
    ['descriptor', 2, placeOf('descriptor-file'), 'The launch failed in the step descriptor (/f): no such file or directory.'],
    ['descriptor', 24, placeOf('descriptor-data'), 'The launch failed in the step descriptor (descriptor 10): too many open files.'],
    ['mount', 17, placeOf('host-mount'), 'The launch failed in the step mount (/m): file already exists.'],
    ['mount', 30, placeOf('host-mount', 1), 'The bind target /m/t could not be made: read-only file system.'],
    ['mount', 13, placeOf('host-mount', 2), 'The launch failed in the step mount (/m/etc/hosts on /h): permission denied.'],
    ['mount', 1, placeOf('sandbox-mount'), 'The launch failed in the step mount (proc on /m/proc): operation not permitted.'],
    ['mount', 22, placeOf('sandbox-mount', 1), 'The launch failed in the step mount (/clone on /m): invalid argument.'],
    ['companion', 2, placeOf('companion'), 'The launch failed while starting the companion helper: no such file or directory.'],
    ['companion', 0, placeOf('companion'), 'The launch failed because the companion helper ended.'],
    ['cgroup', 2, placeOf('cgroup'), 'The launch failed in the step cgroup (/c): no such file or directory.'],
    ['cgroup', 34, placeOf('cgroup-setting'), 'The launch failed in the step cgroup (/c/pids.max): result too large.'],
  ])('in the step %s with errno %i at item %i is told', (step, errno, item, message) => {
    expect(launchFailure(launch, items, { kind: 'failed', step, errno, item }).message).toBe(message);
  });

  it.each<[step: LaunchStep, errno: number, code: string, message: string]>([
    ['join', 3, 'run-missing', 'Run r has ended.'],
    ['join', 11, 'run-missing', 'Run r has not started its command yet, or was started by another version of isolate.'],
    ['join', 1, 'launch-failed', 'The launch failed in the step join: operation not permitted.'],
    ['engine', 0, 'engine-failed', 'The command was killed before it was executed in run r.'],
    ['working-directory', 2, 'launch-failed', 'The working directory of run r cannot be entered.'],
    ['user', 2, 'bad-name', 'The user of run r is not in /etc/passwd and /etc/group of the sandbox.'],
  ])('of a command in a run in the step %s with errno %i is told', (step, errno, code, message) => {
    expect(launchFailure(exec, listItems(exec, { supervised: false }), { kind: 'failed', step, errno, item: 0 })).toMatchObject({
      code,
      message,
    });
  });
});
