import { expect, test } from 'vitest';

import { chrootEngine } from '../../src/engine/chroot.ts';
import type { PlanInput } from '../../src/engine/engine.ts';
import { formatLaunch } from '../../src/launch/format.ts';
import { directoryRootfs, memory, memoryFindings, naturalRootfs, plainSpec, rootFacts, wholeFindings } from './facts.ts';

const plain: PlanInput = {
  spec: { ...plainSpec, engine: 'chroot' },
  findings: { ...wholeFindings, hosts: null },
  rootfs: naturalRootfs,
  facts: rootFacts,
  runId: '0123456789abcdef',
  idSlot: 0,
  sandboxDirectory: '/run/isolate/sandbox',
};
const withSpec = (spec: Partial<PlanInput['spec']>): PlanInput => ({ ...plain, spec: { ...plain.spec, ...spec } });

const cases: Record<string, PlanInput> = {
  plain,
  directory: { ...withSpec({ root: { kind: 'directory', path: '/srv/debian', write: 'direct' } }), rootfs: directoryRootfs },
  binds: {
    ...withSpec({
      binds: [
        { source: '/srv/src', target: '/src', readOnly: false },
        { source: '/etc/hosts', target: '/etc/hosts', readOnly: true },
      ],
    }),
    findings: { ...plain.findings, missing: [{ path: '/src' }] },
  },
  'memory file system': { ...withSpec(memory), findings: { ...memoryFindings, hosts: null } },
  'environment and directory': withSpec({ environment: { A: '1', EMPTY: '', LINES: 'a\nb' }, workingDirectory: '/var/tmp' }),
  'user of the template': withSpec({ user: 'www-data:adm' }),
  'no filter': withSpec({ seccomp: false }),
  'filter with socketcall': withSpec({ socketcall: true }),
  'command that looks like options': withSpec({ command: ['--', '-x', 'y'] }),
};

test.each(Object.entries(cases))('the chroot engine plans exactly the recorded launch: %s', async (name, input) => {
  const text = formatLaunch(chrootEngine.plan(input), { values: true });
  await expect(text).toMatchFileSnapshot(`chroot/${name.replaceAll(' ', '-')}.golden`);
});
