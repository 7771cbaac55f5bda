import { expect, test } from 'vitest';

import type { Engine, PlanInput } from '../../src/engine/engine.ts';
import { formatLaunch } from '../../src/launch/format.ts';
import {
  directoryRootfs,
  givenRootfs,
  layeredRootfs,
  memory,
  memoryFindings,
  naturalRootfs,
  overlay,
  plainSpec,
  rootFacts,
  rootsRootfs,
  shiftedRootfs,
  userFacts,
  wholeFindings,
} from './facts.ts';

/** A run of `true` on a clone by root, nothing asked for. */
export const plain: PlanInput = {
  spec: plainSpec,
  findings: wholeFindings,
  rootfs: naturalRootfs,
  facts: rootFacts,
  runId: '0123456789abcdef',
  idSlot: 3,
  sandboxDirectory: '/run/isolate/sandbox',
};
/** The same, but for these parts of the spec. */
export const withSpec = (spec: Partial<PlanInput['spec']>): PlanInput => ({ ...plain, spec: { ...plainSpec, ...spec } });
const directory = { kind: 'directory', path: '/srv/debian', write: 'direct' } as const;

/** What every engine that makes a sandbox of its own root plans, for root, users and members. */
export const commonCases: Record<string, PlanInput> = {
  plain,
  shifted: { ...plain, rootfs: shiftedRootfs, idSlot: 0 },
  layers: { ...plain, rootfs: layeredRootfs },
  'read-only': withSpec({ readOnlyRoot: true }),
  binds: withSpec({
    binds: [
      { source: '/srv/src', target: '/src', readOnly: false },
      { source: '/etc/hosts', target: '/etc/hosts', readOnly: true },
    ],
  }),
  'environment and directory': withSpec({
    environment: { A: '1', EMPTY: '', DASHES: '--unshare-pid', LINES: 'a\nb', BLANK: ' ' },
    workingDirectory: '/var/tmp',
  }),
  'memory file system': { ...withSpec(memory), findings: memoryFindings },
  'memory file system of a user': {
    ...withSpec({ ...memory, root: directory }),
    findings: memoryFindings,
    facts: userFacts,
    rootfs: directoryRootfs,
  },
  'id bases': withSpec({ uidBase: 200_000, gidBase: 300_000 }),
  'user of the template': withSpec({ user: 'www-data:adm' }),
  'no filter': withSpec({ seccomp: false }),
  'time limit': withSpec({ timeoutMs: 1500 }),
  'command that looks like options': withSpec({ command: ['--', '--bind', '/', '/'] }),
  user: { ...withSpec({ root: directory }), facts: userFacts, rootfs: directoryRootfs },
  'user with layers': {
    ...withSpec({ root: directory }),
    facts: userFacts,
    rootfs: { parts: [{ ...overlay, lower: '/srv/a:b,c\\d' }] },
  },
  'handed over to root': { ...plain, rootfs: rootsRootfs },
  'handed over': {
    ...withSpec({ binds: [{ source: '/srv/src', target: '/src', readOnly: false }] }),
    facts: userFacts,
    rootfs: givenRootfs,
  },
  'user without subordinate ids': {
    ...withSpec({ root: directory }),
    facts: { ...userFacts, user: { ...userFacts.user, subordinateUids: [], subordinateGids: [] } },
    rootfs: directoryRootfs,
  },
};

/** One test for each: the plan is the recorded one. */
export function compareWithRecords({ name, plan }: Engine, cases: Record<string, PlanInput>): void {
  test.each(Object.entries(cases))(`the ${name} engine plans exactly the recorded launch: %s`, async (title, input) => {
    await expect(formatLaunch(plan(input), { values: true })).toMatchFileSnapshot(`${name}/${title.replaceAll(' ', '-')}.golden`);
  });
}
