import { expect, test } from 'vitest';

import { checkCapabilities, checkSources } from '../../../src/engine/check-capabilities.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { type Feature, features } from '../../../src/spec/features.ts';
import { runOptions } from '../../../src/spec/options/table.ts';
import type { RunRequest } from '../../../src/spec/request.ts';

const all = Object.keys(features) as Feature[];
const plain = engine('plain', []);
const full = engine('full', all);
const other = engine(
  'other',
  all.filter((feature) => feature !== 'tun'),
);

const cases: readonly (readonly [string, Partial<RunRequest>, string])[] = [
  ['--read-only', { readOnly: true }, 'full and other do'],
  ['--hostname', { hostname: 'a' }, 'full and other do'],
  ['-u', { uidBase: 1 }, 'full and other do'],
  ['-g', { gidBase: 1 }, 'full and other do'],
  ['-1', { passthrough: ['x11'] }, 'full and other do'],
  ['-2', { passthrough: ['pulse'] }, 'full and other do'],
  ['-3', { passthrough: ['wayland'] }, 'full and other do'],
  ['-4', { passthrough: ['gpu'] }, 'full and other do'],
  ['--cpu', { cpuPercent: 10 }, 'full and other do'],
  ['--memory', { memory: '1M' }, 'full and other do'],
  ['--pids', { pids: 10 }, 'full and other do'],
  ['--cpus', { cpus: 2 }, 'full and other do'],
  ['--disk', { disks: ['a=/b'] }, 'full and other do'],
  ['--network', { networks: ['dhcp'] }, 'full and other do'],
  ['--kernel', { kernel: '/boot/vmlinuz' }, 'full and other do'],
  ['--kernel-version', { kernelVersion: '6.1' }, 'full and other do'],
  ['--modules', { modules: '/lib/modules' }, 'full and other do'],
  ['--init-debug', { debugInit: true }, 'full and other do'],
  ['--accel', { acceleration: 'tcg' }, 'full and other do'],
  ['--net-bridge', { netBridge: 'br0' }, 'full and other do'],
  ['--tun', { tun: true }, 'full does'],
  ['--lxc-log', { lxcLog: 'log' }, 'full and other do'],
];

test.each(cases)('an engine without %s refuses it and names those that have it', (option, request, names) => {
  expect(checkCapabilities({ command: ['true'], ...request }, plain, [plain, full, other])).toEqual([
    { code: 'unsupported-option', message: `The engine plain does not support ${option}; ${names}.` },
  ]);
  expect(checkCapabilities({ command: ['true'], ...request }, full, [plain, full, other])).toEqual([]);
});

test('every option that asks for a feature is among these, and every feature is asked for', () => {
  const asking = runOptions.filter(({ feature }) => feature !== undefined);
  const names = asking.map(({ short, long }) => (short === undefined ? `--${long}` : `-${short}`));
  expect(cases.map(([option]) => option)).toEqual(names);
  expect(new Set([...asking.map(({ feature }) => feature), 'guest-bind'])).toEqual(new Set(all));
});

test('what every engine can do suits one without features, and so does what is asked for and is off', () => {
  const request: RunRequest = {
    command: ['true'],
    shareNetwork: true,
    binds: ['/a:/b'],
    environment: ['A=b'],
    seccomp: false,
    readOnly: false,
    tun: false,
    passthrough: [],
  };
  expect(checkCapabilities(request, plain, [plain])).toEqual([]);
});

test('an option that no engine has says so', () => {
  expect(checkCapabilities({ command: ['true'], tun: true }, plain, [plain])).toEqual([
    { code: 'unsupported-option', message: 'The engine plain does not support --tun; no engine does.' },
  ]);
});

function engine(name: string, offered: readonly Feature[]): Engine {
  const unused = (): never => {
    throw new Error('not called');
  };
  const capabilities = {
    isolates: false,
    features: offered,
    variables: [],
    network: 'always-shared',
    ownTrees: [],
    mountpoints: [],
    seccomp: 'whole',
    kernel: 'hosts',
    nests: false,
    unprivileged: false,
  } as const;
  return { name, summary: name, capabilities, check: () => [], plan: unused };
}

test('what binds show is asked for too', () => {
  const binds = [
    { source: '/a', target: '/a', readOnly: false },
    { source: { memoryBytes: 1 }, target: '/b', readOnly: false },
    { source: { image: { file: '/c', format: 'raw' } }, target: '/c', readOnly: false },
    { source: { inside: '/d' }, target: '/e', readOnly: false },
  ] as const;
  expect(checkSources(binds, plain, [plain, full, other])).toEqual(
    ['host-image', 'guest-bind'].map((type) => ({
      code: 'unsupported-option',
      message: `The engine plain does not support --mount ${type}; full and other do.`,
    })),
  );
  expect(checkSources(binds, full, [plain, full, other])).toEqual([]);
});
