import { expect, test } from 'vitest';

import { formatLaunch } from '../../src/launch/format.ts';
import { lxcEngine } from '../../src/engine/lxc.ts';
import { layeredRootfs, memory, memoryFindings, rootFacts } from './facts.ts';
import { commonCases, compareWithRecords, withSpec } from './plans.ts';

const version1 = (name: string) => ({ version: 1, directory: `/sys/fs/cgroup/${name}` }) as const;

compareWithRecords(lxcEngine, {
  ...commonCases,
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
  'memory file system on an overlay': { ...withSpec(memory), findings: memoryFindings, rootfs: layeredRootfs },
  bridge: withSpec({ shareNetwork: true, bridge: 'lxcbr0' }),
  tunnel: withSpec({ tun: true }),
  log: withSpec({ engineLog: '/var/log/lxc run.log' }),
  limits: withSpec({ limits: { cpuPercent: 50, memoryBytes: 512 * 2 ** 20, pids: 100 } }),
  'limits version 1': {
    ...withSpec({ limits: { cpuPercent: 150, memoryBytes: 512 * 2 ** 20, pids: 100 } }),
    facts: { ...rootFacts, cgroups: { cpu: version1('cpu,cpuacct'), memory: version1('memory'), pids: version1('pids'), others: [] } },
  },
  'command that looks like options': withSpec({ command: ['--', '--name', 'x'] }),
});

test('a dry run shows the names of variables and not their values', () => {
  const text = formatLaunch(lxcEngine.plan(withSpec({ environment: { TOKEN: 'secret="1' } })), { values: false });
  expect(text).toContain('    variable TOKEN\n');
  expect(text).not.toContain('secret');
});
