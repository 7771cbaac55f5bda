import { expect, test } from 'vitest';

import { proofCases } from '../../../src/prove/cases.ts';
import { isPromised, type ProofSetting } from '../../../src/prove/promise.ts';

const cases = proofCases('x64');
const plain: ProofSetting = {
  isolates: true,
  filter: 'whole',
  network: 'own',
  devices: false,
  tunnel: false,
  workingDirectory: '/',
  limits: { pids: true, memory: true },
};

/** What a setting does not promise. */
function open(own: Partial<ProofSetting>): string[] {
  return cases.filter((each) => !isPromised(each, { ...plain, ...own })).map(({ id }) => id);
}

test('a sandbox without options, but with limits, promises everything', () => {
  expect(open({})).toEqual([]);
});

test('without limits nothing is promised about what can be used up by processes', () => {
  expect(open({ limits: { pids: false, memory: false } })).toEqual(['exhaustion/processes', 'exhaustion/memory']);
});

test('the host’s network gives away its listeners and abstract sockets, nothing else', () => {
  expect(open({ network: 'host' })).toEqual([
    'visible/abstract-socket',
    'visible/list-of-sockets',
    'network/connect-to-host',
    'network/interfaces',
  ]);
});

test('a bridge gives away the interface and what may be sent on it', () => {
  expect(open({ network: 'bridge' })).toEqual(['network/interfaces', 'network/raw-socket', 'network/raw-socket-6', 'network/configure']);
});

test('a smaller filter promises what is refused everywhere', () => {
  expect(open({ filter: 'smaller' })).toEqual(cases.filter(({ filterOnly }) => filterOnly).map(({ id }) => id));
});

test('a kernel of its own keeps a command from everything of the host, and is its own to change', () => {
  const promised = cases.map(({ id }) => id).filter((id) => !open({ filter: 'outside' }).includes(id));
  const groups = ['descriptors', 'environment', 'visible'];
  const others = promised.filter((id) => !groups.includes(id.split('/')[0] ?? ''));
  expect(groups.filter((group) => open({ filter: 'outside' }).some((id) => id.startsWith(`${group}/`)))).toEqual([]);
  expect(others).toEqual([
    'procfs/host-file',
    'procfs/host-file-by-root-links',
    'procfs/host-file-by-cwd-links',
    'procfs/host-file-by-climbing-from-cwd',
    'procfs/host-file-by-chroot',
    'network/connect-to-host',
    'network/interfaces',
    'devices/disks',
    'exhaustion/memory',
  ]);
});

test('without the filter everything that does not depend on it still holds', () => {
  const groups = new Set(open({ filter: 'none' }).map((id) => id.split('/')[0]));
  expect(groups).toEqual(new Set(['calls', 'identity', 'namespaces', 'terminal', 'visible']));
  expect(open({ filter: 'none' }).filter((id) => /^(?:identity|namespaces|visible)/.test(id))).toEqual([
    'namespaces/unshare-user',
    'namespaces/unshare-user-and-mount',
    'visible/user-key',
    'identity/filter',
    'identity/take-over-init',
  ]);
});

test('devices, a tunnel and another directory take away only what they are', () => {
  expect(open({ devices: true })).toEqual(['devices/others']);
  expect(open({ workingDirectory: '/tmp' })).toEqual(['descriptors/working-directory']);
  expect(open({ tunnel: true })).toContain('devices/fuse');
});

test('an engine that isolates nothing promises no isolation by the kernel', () => {
  const promised = cases.filter((each) => isPromised(each, { ...plain, isolates: false })).map(({ id }) => id.split('/')[0]);
  expect(new Set(promised)).toEqual(new Set(['calls', 'descriptors', 'environment', 'identity', 'terminal', 'visible']));
});
