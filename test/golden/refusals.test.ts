import { expect, test } from 'vitest';

import { checkCapabilities } from '../../src/engine/check-capabilities.ts';
import { engines } from '../../src/engine/registry.ts';
import type { Facts } from '../../src/host/facts.ts';
import { runOptions } from '../../src/spec/options/table.ts';
import type { RunRequest } from '../../src/spec/request.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { machineFacts, rootFacts, userFacts } from './facts.ts';

type Case = readonly [request: Partial<RunRequest>, facts: Facts];

const onDirectory = { template: '/srv/debian' };
const onOverlay = { template: '/srv/debian', ephemeral: true };
const oneId = { ...userFacts, user: { ...userFacts.user, subordinateUids: [], subordinateGids: [] } };
const nowhere = { cpu: null, memory: null, pids: null, others: [] };
const everyFeature: Partial<RunRequest> = {
  readOnly: true,
  hostname: 'web',
  uidBase: 200_000,
  gidBase: 200_000,
  passthrough: ['x11', 'pulse', 'wayland', 'gpu'],
  cpuPercent: 50,
  memory: '1G',
  pids: 10,
  cpus: 2,
  acceleration: 'kvm',
  disks: ['cache=/srv/cache.img'],
  networks: ['dhcp'],
  kernel: '/boot/vmlinuz',
  kernelVersion: '6.1',
  modules: '/lib/modules',
  debugInit: true,
  netBridge: 'lxcbr0',
  tun: true,
  lxcLog: '/var/log/lxc.log',
};

/** What is asked for where, by what stands against it; a clone of a dataset unless another root is named. */
const cases: Readonly<Record<string, Case>> = {
  'engine not installed': [
    {},
    { ...rootFacts, tools: { ...rootFacts.tools, bwrap: null, 'lxc-execute': null }, machine: { ...machineFacts, qemu: null } },
  ],
  'machine without a kernel': [{}, { ...rootFacts, machine: { ...machineFacts, boot: null } }],
  'machine on another processor': [{}, { ...rootFacts, machine: { ...machineFacts, hasProcessor: false } }],
  'machine without KVM': [{ acceleration: 'kvm' }, rootFacts],
  'machine that is too small': [{ memory: '32M' }, rootFacts],
  'too many devices': [
    { disks: ['a=/1', 'b=/2', 'c=/3'], networks: ['dhcp', 'dhcp'], mounts: ['host-image:/4=/4', 'host-image:/5=/5'] },
    rootFacts,
  ],
  'engine without the feature': [everyFeature, rootFacts],
  'no user namespaces': [{}, { ...userFacts, userNamespaces: false }],
  'root without capabilities': [
    {},
    { ...rootFacts, privileges: { withheld: null, missing: ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT', 'CAP_SETUID'] } },
  ],
  'user who may map one id': [onDirectory, oneId],
  'user whose newuidmap gains nothing': [onDirectory, { ...userFacts, privileges: { withheld: 'no_new_privs is set', missing: [] } }],
  'ids of the host': [{ uidBase: 1000, gidBase: 0x1_0000 }, rootFacts],
  'ids of somebody else': [{ ...onDirectory, uidBase: 500_000, gidBase: 500_000 }, userFacts],
  'chosen ids on an overlay': [{ ...onOverlay, uidBase: 100_001 }, userFacts],
  'chosen ids on a directory': [{ ...onDirectory, uidBase: 100_001 }, userFacts],
  'limits without groups of root': [
    { cpuPercent: 50, memory: '1G', pids: 10 },
    { ...rootFacts, cgroups: nowhere },
  ],
  'limits without groups of a user': [
    { ...onDirectory, cpuPercent: 50, memory: '1G', pids: 10 },
    { ...userFacts, cgroups: nowhere },
  ],
  overlay: [{ ...onOverlay, shareNetwork: true, lxcLog: '/var/log/lxc.log' }, rootFacts],
  'binds over mounts of the engine': [{ binds: ['/srv/src:/proc/1', '/srv/src:/sys', '/srv/src:/dev'] }, rootFacts],
  'bridge for a user': [{ ...onDirectory, shareNetwork: true }, userFacts],
  'bridge that is not there': [{ shareNetwork: true, netBridge: 'br7' }, rootFacts],
  'tunnel that is not there': [{ tun: true }, rootFacts],
  'desktop that others cannot use': [{ passthrough: ['x11', 'pulse', 'wayland', 'gpu'] }, { ...rootFacts, paths: closed(rootFacts.paths) }],
  'bind over what the desktop shows': [{ passthrough: ['x11'], binds: ['/srv/src:/tmp'] }, rootFacts],
};

test.each(Object.entries(cases))('each engine refuses exactly what is recorded: %s', async (name, [asked, facts]) => {
  const request = { command: ['true'], ...(asked.template === undefined ? { zfs: 'rpool/isolate/debisl' } : {}), ...asked };
  const spec = resolveSpec({ ...request, engine: '' }, { environment: {}, cwd: '/', readFile: () => '' });
  const text = engines.map((engine) => {
    const problems = [...checkCapabilities(request, engine, engines), ...engine.check({ ...spec, engine: engine.name }, facts)];
    const lines = problems.map(({ code, message, hint }) => `  ${code}: ${message}\n${hint === undefined ? '' : `    hint: ${hint}\n`}`);
    return `${engine.name}\n${lines.length === 0 ? '  runs it\n' : lines.join('')}`;
  });
  await expect(text.join('')).toMatchFileSnapshot(`refusals/${name.replaceAll(' ', '-')}.golden`);
});

test('the case for features uses each of them', () => {
  const asking = runOptions.filter(({ feature }) => feature !== undefined).map(({ key }) => key);
  expect(new Set(Object.keys(everyFeature))).toEqual(new Set(asking));
});

/** The same things, for their owner alone. */
function closed(paths: Facts['paths']): Facts['paths'] {
  return Object.fromEntries(Object.entries(paths).map(([path, facts]) => [path, { ...facts, mode: facts.mode & 0o700 }]));
}
