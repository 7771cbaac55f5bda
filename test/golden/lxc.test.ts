import { expect, test } from 'vitest';

import type { PlanInput } from '../../src/engine/engine.ts';
import { formatLaunch } from '../../src/launch/format.ts';
import { lxcEngine } from '../../src/engine/lxc.ts';
import {
  directoryRootfs,
  givenRootfs,
  layeredRootfs,
  memory,
  memoryFindings,
  naturalRootfs,
  plainSpec,
  rootFacts,
  rootsRootfs,
  shiftedRootfs,
  userFacts,
  wholeFindings,
} from './facts.ts';

const plain: PlanInput = {
  spec: { ...plainSpec, engine: 'lxc' },
  findings: wholeFindings,
  rootfs: naturalRootfs,
  facts: rootFacts,
  runId: '0123456789abcdef',
  idSlot: 3,
  sandboxDirectory: '/run/isolate/sandbox',
};
const withSpec = (spec: Partial<PlanInput['spec']>): PlanInput => ({ ...plain, spec: { ...plain.spec, ...spec } });
const directory = { kind: 'directory', path: '/srv/debian', write: 'direct' } as const;
const version1 = (name: string) => ({ version: 1, directory: `/sys/fs/cgroup/${name}` }) as const;

const cases: Record<string, PlanInput> = {
  plain,
  shifted: { ...plain, rootfs: shiftedRootfs, idSlot: 0 },
  layers: { ...plain, rootfs: layeredRootfs },
  'read-only': withSpec({ readOnlyRoot: true }),
  binds: withSpec({
    binds: [
      { source: '/srv/src', target: '/src', readOnly: false },
      { source: '/etc/hosts', target: '/etc/hosts', readOnly: true },
      { source: '/etc/hosts', target: '/dev/a b', readOnly: true },
    ],
  }),
  'environment and directory': withSpec({
    environment: { A: '1', EMPTY: '', QUOTES: '"\'', BLANK: ' ', TAB: '\t', KEY: 'lxc.hook.start = /bin/sh' },
    workingDirectory: '/var/my files',
  }),
  'memory file system': { ...withSpec(memory), findings: memoryFindings },
  'memory file system on an overlay': { ...withSpec(memory), findings: memoryFindings, rootfs: layeredRootfs },
  bridge: withSpec({ shareNetwork: true, bridge: 'lxcbr0' }),
  tunnel: withSpec({ tun: true }),
  log: withSpec({ engineLog: '/var/log/lxc run.log' }),
  'id bases': withSpec({ uidBase: 200_000, gidBase: 300_000 }),
  limits: withSpec({ limits: { cpuPercent: 50, memoryBytes: 512 * 2 ** 20, pids: 100 } }),
  'limits version 1': {
    ...withSpec({ limits: { cpuPercent: 150, memoryBytes: 512 * 2 ** 20, pids: 100 } }),
    facts: { ...rootFacts, cgroups: { cpu: version1('cpu,cpuacct'), memory: version1('memory'), pids: version1('pids'), others: [] } },
  },
  'user of the template': withSpec({ user: 'www-data:adm' }),
  'no filter': withSpec({ seccomp: false }),
  'command that looks like options': withSpec({ command: ['--', '--name', 'x'] }),
  'handed over to root': { ...plain, rootfs: rootsRootfs },
  'handed over': {
    ...withSpec({ binds: [{ source: '/srv/src', target: '/src', readOnly: false }] }),
    facts: userFacts,
    rootfs: givenRootfs,
  },
  user: { ...withSpec({ root: directory }), facts: userFacts, rootfs: directoryRootfs },
};

test.each(Object.entries(cases))('the lxc engine plans exactly the recorded launch: %s', async (name, input) => {
  await expect(formatLaunch(lxcEngine.plan(input), { values: true })).toMatchFileSnapshot(`lxc/${name.replaceAll(' ', '-')}.golden`);
});

test('a dry run shows the names of variables and not their values', () => {
  const text = formatLaunch(lxcEngine.plan(withSpec({ environment: { TOKEN: 'secret="1' } })), { values: false });
  expect(text).toContain('    variable TOKEN\n');
  expect(text).not.toContain('secret');
});
