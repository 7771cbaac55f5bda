import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Inside } from '../../../src/launch/join.ts';
import type { Companion, Launch, MountOperation } from '../../../src/launch/launch.ts';
import { planExec, planToolInRun } from '../../../src/engine/exec.ts';
import { parseLaunchEvents } from '../../../src/launch/events.ts';
import { encodeLaunchRecord } from '../../../src/launch/record.ts';
import { bareLaunch, bwrapLaunch, initLaunch, launcherPath } from '../../rig/launches.ts';

const supervision = { supervised: true };
let launcher = '';

function check(record: Uint8Array): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(launcher, ['--check-record'], { input: record, env: {}, timeout: 60_000, encoding: 'utf8' });
  return { status, stderr };
}

const accepted = { status: 0, stderr: '' };

function companion(changes: Partial<Companion> = {}): Companion {
  return {
    name: 'helper',
    identity: 'caller',
    file: '/helper',
    args: ['helper', '-x'],
    environment: { A: 'b' },
    descriptors: [],
    workingDirectory: '/',
    noNewPrivileges: true,
    seccompFilter: '/f',
    graceMs: 1000,
    ...changes,
  };
}

const channel = (number: number, of: number, end: 0 | 1) => ({ number, kind: 'channel', channel: of, end }) as const;

const everything: Launch = bwrapLaunch(['true'], {
  environment: { A: '', 'B C': 'ü=\n' },
  userNamespace: {
    writer: 'direct',
    uidMap: [{ inside: 0, outside: 100000, count: 65536 }],
    gidMap: [
      { inside: 0, outside: 100000, count: 5 },
      { inside: 5, outside: 200000, count: 1 },
    ],
  },
  mountNamespace: true,
  hostMounts: [
    { kind: 'mkdir', path: '/run/x', mode: 0o755 },
    { kind: 'make', root: '/run/x', target: '/a/b', create: 'directory' },
    { kind: 'make', root: '/run/x', layer: '/run/y', target: '/a/b', create: 'file' },
    { kind: 'copy', root: '/run/x', source: '/etc/hosts', target: '/run/y/hosts', otherwise: '', line: 'a line\n' },
    {
      kind: 'bind',
      source: '/a',
      root: '/run/x',
      target: '/b',
      recursive: true,
      readOnly: true,
      noSuid: true,
      noDev: true,
      idmap: 'sandbox',
      create: 'file',
    },
    {
      kind: 'bind',
      source: '/a',
      target: '/b',
      recursive: false,
      readOnly: false,
      noSuid: false,
      noDev: false,
      idmap: { uid: 1000, gid: 4294967295 },
      create: 'none',
    },
  ],
  sandboxMounts: [
    { kind: 'mount', type: 'tmpfs', source: 'none', target: '/t', flags: ['ro', 'nosuid', 'nodev', 'noexec'], options: 'size=1m' },
  ],
  cgroups: [
    { path: '/sys/fs/cgroup/a', settings: [{ file: 'pids.max', value: '5' }] },
    { path: '/sys/fs/cgroup/b', settings: [] },
  ],
  root: '/r',
  noNewPrivileges: true,
  seccompFilter: '/f',
  deadlineMs: 1,
  groups: [5, 6],
  files: [
    { kind: 'directory', path: '/d', mode: 0o700, existing: 'fine', end: 'removed' },
    { kind: 'file', path: '/d/f', mode: 0o4777, existing: 'refused', end: 'stays', content: 'x', numbersOf: '/d' },
  ],
});

function given(sandboxMounts: readonly MountOperation[]): Launch {
  const map = [{ inside: 0, outside: 7, count: 1 }];
  return bareLaunch(['/x'], { userNamespace: { writer: 'given', uidMap: map, gidMap: map }, mountNamespace: true, sandboxMounts });
}

const attach: MountOperation = { kind: 'attach', source: '/clone', target: '/t', flags: [], idmap: 'none' };
const runId = '0123456789abcdef';
const inside: Inside = {
  run: runId,
  capabilities: { held: 'ambient', mask: 2 ** 31 },
  noNewPrivileges: true,
  noGroups: false,
  variable: 'PWD=/',
  filter: '/f',
  workingDirectory: '/',
  command: 12,
};
const run = { engine: 'bwrap', run: runId, holder: { pid: 7, startTime: '99' } };
const exec = planExec(run, { command: ['true'], environment: { A: 'b' } });
const shelfTree = { shelf: '/s', shelfPath: '/clone', shelfDevice: 7 };

/** The record up to its end item, with `items` (tag and value each) put before it. */
function withItems(record: Uint8Array, ...items: readonly (readonly [number, Uint8Array])[]): Buffer {
  const body = Buffer.concat([
    record.subarray(12, record.length - 8),
    ...items.flatMap(([tag, value]) => [uint32(tag), uint32(value.length), value]),
    Buffer.alloc(8),
  ]);
  return Buffer.concat([Buffer.from('ISOLREC1'), uint32(body.length), body]);
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32LE(value, 4 * index));
  return bytes;
}

beforeAll(async () => {
  launcher = await launcherPath();
});

describe('the launch record', () => {
  it.each([
    ['the smallest launch', bareLaunch(['/bin/true'])],
    [
      'a descriptor to write to',
      bareLaunch(['/bin/true'], { descriptors: [{ number: 9, kind: 'file', path: '/x', access: 'read-write' }] }),
    ],
    ['a stage under our own init', initLaunch(['true'])],
    ['groups of the daemon', { ...everything, groupsOfRun: '0123456789abcdef' }],
    ['bubblewrap', bwrapLaunch(['true'])],
    ['everything a launch can say', everything],
    [
      'a map written by newuidmap',
      bareLaunch(['/x'], { userNamespace: { ...everything.userNamespace!, writer: 'newidmap', newuidmap: '/u', newgidmap: '/g' } }),
    ],
    [
      'the single-id map',
      bareLaunch(['/x'], {
        userNamespace: { writer: 'single', uidMap: [{ inside: 0, outside: 7, count: 1 }], gidMap: [{ inside: 0, outside: 7, count: 1 }] },
      }),
    ],
    [
      'companions',
      {
        ...everything,
        descriptors: [...everything.descriptors, channel(20, 0, 0)],
        companions: [
          companion({ identity: 'sandbox', readySocket: '/s', descriptors: [channel(5, 0, 1), channel(6, 15, 1)] }),
          companion({ descriptors: [{ number: 5, kind: 'ready' }, channel(9, 15, 0)] }),
        ],
      },
    ],
    ['a tree that is handed over', given([attach])],
    ['a run that others can join', { ...everything, inside }],
    ['a command that joins a run', exec],
    ['a tool that joins a run', planToolInRun('/tool', ['tool'], run)],
    ["root's tree from the shelf", { ...everything, hostMounts: [...everything.hostMounts, attach], shelfTree }],
  ])('of %s is taken by the launcher', (_, launch) => {
    expect(check(encodeLaunchRecord(launch, supervision))).toEqual(accepted);
  });

  it('is refused when cut off at any byte', () => {
    const record = encodeLaunchRecord(everything, supervision);
    const lengths = Array.from({ length: record.length }, (_, length) => length).filter(
      (length) => length % 7 === 0 || length > record.length - 12,
    );
    expect(lengths.filter((length) => check(record.subarray(0, length)).status !== 125)).toEqual([]);
  });

  it('is refused with a byte behind its end', () => {
    expect(check(Buffer.concat([encodeLaunchRecord(everything, supervision), Buffer.alloc(1)])).status).toBe(125);
  });

  const bytes = (value: Uint8Array): Buffer => Buffer.concat([uint32(value.length), value]);
  const values = (...parts: readonly (number | string | Uint8Array)[]): Buffer =>
    Buffer.concat(parts.map((part) => (typeof part === 'number' ? uint32(part) : bytes(Buffer.from(part)))));
  const alone = (launch: Launch): Uint8Array => encodeLaunchRecord(launch, { supervised: false });
  const program = alone(bareLaunch(['/x']));
  it.each([
    ['an unknown tag', 99, []],
    ['a tag beyond those of one machine word', 64, []],
    ['a second program', 1, ['/x']],
    ['a program by descriptor and by path', 2, [10]],
    ['an argument with a NUL', 3, ['a\0b']],
    ['a variable without a name', 4, ['=x']],
    ['a variable without a value', 4, ['x']],
    ['a descriptor below 3', 6, [2, 0, '/x']],
    ['a descriptor above 99', 6, [100, 0, '/x']],
    ['a descriptor given twice', 6, [10, 0, '/x']],
    ['a descriptor of a relative path', 6, [50, 0, 'x']],
    ['a descriptor with an unknown access', 6, [50, 2, '/x']],
    ['a second stage', 7, [60]],
    ['a map of nothing', 10, [0, 5, 0]],
    ['a map past the last id', 10, [0, 4294967295, 2]],
    ["a map of the kernel's uid 0", 10, [9, 0, 1]],
    ['newuidmap for a map written directly', 12, ['/x']],
    ['an unknown namespace', 14, [16]],
    ['an unknown mount operation', 15, [7, 0]],
    ['a place to make of no kind', 15, [5, 0, '/r', '', '/t']],
    ['a place to make in no root', 15, [5, 1, '', '', '/t']],
    ['a copy of a relative file', 15, [6, '/r', 'h', '/t', '', '']],
    ['an unknown mount flag', 15, [1, 64, 0, 0, 0, 0, '/a', '', '/b']],
    ['a recursive file system', 15, [2, 1, 'tmpfs', 'none', '', '/b', '']],
    ['an unknown way to make a target', 15, [1, 0, 3, 0, 0, 0, '/a', '/r', '/b']],
    ['a made target without a root', 15, [1, 0, 1, 0, 0, 0, '/a', '', '/b']],
    ['an unknown id map of a mount', 15, [1, 0, 0, 3, 0, 0, '/a', '', '/b']],
    ['an id map inside the sandbox', 16, [1, 0, 0, 1, 0, 0, '/a', '', '/b']],
    ['something behind a mount', 15, [1, 0, 0, 0, 0, 0, '/a', '', '/b', 0]],
    ['a text longer than its item', 15, [3, 0o755, 200]],
    ['a relative cgroup', 17, ['x']],
    ['a cgroup setting in another directory', 18, ['/a', 'a/b', '']],
    ['a cgroup setting in no file', 18, ['/a', '', '']],
    ['a second grace time', 24, [1]],
    ['a deadline that is over at once', 29, [0]],
    ['a made file of no path', 30, [2, 0o600, 0, 0, 'x', '', '']],
    ['a made file of no kind', 30, [3, 0o600, 0, 0, '/x']],
    ['a made directory with an unknown end', 30, [1, 0o700, 0, 2, '/x']],
    ['a channel beyond the last one', 32, [50, 16, 0]],
    ['a third end of a channel', 32, [50, 0, 2]],
    ['a program that tells it is ready and is no companion', 33, [50]],
    ['a companion without a name', 34, ['', 0, '', program]],
    ['a companion with an unknown identity', 34, ['x', 2, '', program]],
    ['a companion whose socket is no path', 34, ['x', 0, 's', program]],
    ['a companion without a program', 34, ['x', 0, '', '']],
    ['a tree of the shelf at a relative path', 35, ['/s', 'clone', 7]],
    ['an unknown way to hold capabilities', 36, [runId, 3, 0, 0, '', '', '/', 12]],
    ['a relative filter of those who join', 36, [runId, 1, 0, 0, '', 'f', '/', 12]],
    ['variables of those who join in no descriptor', 36, [runId, 1, 0, 0, '', '', '/', 50]],
    ['variables of those who join in a descriptor without content', 36, [runId, 1, 0, 0, '', '', '/', 10]],
    ['a run to join in an unknown way', 37, [3, 7, '99', runId]],
    ['a run to join that no process holds', 37, [1, 0, '99', runId]],
  ] as const)('is refused with %s', (_, tag, parts) => {
    const record = encodeLaunchRecord(everything, supervision);
    expect(check(withItems(record)).status).toBe(0);
    expect(check(withItems(record, [tag, values(...parts)])).status).toBe(125);
  });

  it.each<[string, Launch]>([
    ['a companion of its own', bareLaunch(['/x'], { companions: [companion()] })],
    ['a stage', initLaunch(['true'], { pidNamespace: false, mountNamespace: false, sandboxMounts: [] })],
    ['a mount namespace', bareLaunch(['/x'], { mountNamespace: true })],
    ['a user namespace', bareLaunch(['/x'], { userNamespace: everything.userNamespace })],
    ['a root', bareLaunch(['/x'], { root: '/r' })],
    ['a deadline', bareLaunch(['/x'], { deadlineMs: 1 })],
    ['a cgroup', bareLaunch(['/x'], { cgroups: everything.cgroups })],
    ['a file to be made', bareLaunch(['/x'], { files: everything.files! })],
    ['contained streams', bareLaunch(['/x'], { containedStreams: true })],
    ['a parent with which it ends by itself', bareLaunch(['/x'], { diesWithParent: true })],
    ['cgroups of the daemon', bareLaunch(['/x'], { groupsOfRun: 'x' })],
    ['a tree of the shelf', bareLaunch(['/x'], { shelfTree })],
    ['a run to join', planToolInRun('/tool', ['tool'], run)],
  ])('is refused with a companion that has %s', (_, launch) => {
    const record = encodeLaunchRecord(everything, supervision);
    expect(check(withItems(record, [34, values('x', 0, '', program)]))).toEqual(accepted);
    expect(check(withItems(record, [34, values('x', 0, '', alone(launch))])).status).toBe(125);
  });

  it.each([
    ['a tree of the shelf that is not attached', { ...everything, shelfTree }],
    ['a tree of the shelf for other users than root', { ...given([attach]), shelfTree }],
    ['a tree but no namespace that comes with it', bareLaunch(['/x'], { mountNamespace: true, sandboxMounts: [attach] })],
    ['a tree attached three times', given([attach, attach, attach])],
    ["root's tree attached twice", { ...everything, hostMounts: [attach, attach] }],
    ['a tree attached before its namespace is entered', { ...given([]), hostMounts: [attach] }],
    ['groups and no namespace for them', bareLaunch(['/x'], { groups: [5] })],
    ['too many groups', { ...given([]), groups: Array.from({ length: 65 }, (_, index) => index) }],
    ['a run to join and a user namespace', { ...exec, userNamespace: everything.userNamespace }],
    ['a run to join and a mount namespace', { ...exec, mountNamespace: true }],
    ['a run to join and cgroups', { ...exec, cgroups: everything.cgroups }],
    ['a run to join and a root', { ...exec, root: '/r' }],
    ['a run to join and a filter', { ...exec, seccompFilter: '/f' }],
    ['a run to join and others that join it', { ...exec, inside }],
    ['a run to join and a program of the host', { ...exec, file: '/x' }],
    [
      'a command that joins a run without a stage',
      { ...exec, descriptors: exec.descriptors.filter(({ kind }) => kind !== 'stage-status') },
    ],
    ['one end of a channel alone', bareLaunch(['/x'], { descriptors: [channel(5, 2, 0)] })],
    [
      'an end of a channel that two have',
      bareLaunch(['/x'], {
        descriptors: [channel(5, 2, 0), channel(6, 2, 1)],
        companions: [companion({ descriptors: [channel(5, 2, 1)] })],
      }),
    ],
    ["a companion with the sandbox's ids where there are none", bareLaunch(['/x'], { companions: [companion({ identity: 'sandbox' })] })],
    [
      "a companion with the command's ids in its process namespace",
      { ...everything, pidNamespace: true, companions: [companion({ identity: 'sandbox' })] },
    ],
    ['too many companions', bareLaunch(['/x'], { companions: Array.from({ length: 17 }, () => companion()) })],
    ['a namespace without maps that is given', bareLaunch(['/x'], { userNamespace: { writer: 'given', uidMap: [], gidMap: [] } })],
  ])('is refused with %s', (_, launch) => {
    expect(check(encodeLaunchRecord(launch, supervision)).status).toBe(125);
  });

  it('is refused with a process namespace and no stage', () => {
    expect(check(encodeLaunchRecord(bareLaunch(['/x'], { pidNamespace: true }), supervision)).status).toBe(125);
  });

  it('is not made of a string with a NUL', () => {
    expect(() => encodeLaunchRecord(bareLaunch(['/x', 'a\0b']), supervision)).toThrow('contains a NUL character');
  });

  it('is not made when it would be larger than the launcher reads', () => {
    const content = new Uint8Array(17 * 1024 * 1024);
    const launch = bareLaunch(['/x'], { descriptors: [{ number: 3, kind: 'data', label: 'x', content }] });
    expect(() => encodeLaunchRecord(launch, supervision)).toThrow('more than the');
  });
});

describe('the launcher', () => {
  it('starts nothing and reports the step for a malformed record', async () => {
    const record = encodeLaunchRecord(bareLaunch(['/bin/sh', '-c', 'echo started']), supervision).subarray(0, -1);
    const child = spawn(launcher, ['3', '4'], { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'], env: {} });
    (child.stdio[3] as Writable).end(record);
    const [output, events, status] = await Promise.all([
      text(child.stdout!),
      buffer(child.stdio[4] as Readable),
      once(child, 'close').then(([code]) => code as number),
    ]);
    expect({ status, output, events: parseLaunchEvents(events).events }).toEqual({
      status: 125,
      output: '',
      events: [{ kind: 'failed', step: 'record', errno: 22, item: 0 }],
    });
  });
});
