import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { configFile, type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { isolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs } from '../rig/members.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let daemon: Daemon;
let member: Member;
let outsider: Member;

// As docs/install.md installs the settings: hidden from users.
beforeAll(async () => {
  member = await addMember(54_121, { subordinate: 1_500_000_000 });
  outsider = await addMember(54_122, { groups: [] });
  await addMemberGroup();
  template = await makeZfsTemplate();
  const { dataset } = template;
  await writeConfig(
    `template = "${basename(dataset)}"\nstore = "${dirname(dataset)}"\n[templates."${dataset}"]\ncount = 4\nusers = ["${member.name}"]\n`,
  );
  chmodSync(configFile, 0o640);
  daemon = await startDaemon();
  for (const { home, uid } of [member, outsider]) {
    mkdirSync(join(home, '.config/isolate'), { recursive: true });
    const settings = join(home, '.config/isolate/config.toml');
    writeFileSync(settings, '[presets.quiet]\nwait = 60\nenv = ["A=1"]\n');
    for (const path of [join(home, '.config'), dirname(settings), settings]) chownSync(path, uid, uid);
  }
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
}, 300_000);

const ok = (stdout: string) => ({ status: 0, signal: null, stdout, stderr: '' });

describe.each(['isolate', 'isolate-node'] as const)('a member from whom the settings of the host are hidden and who runs %s', (program) => {
  test('has the default template of the host, under presets of its own', async () => {
    expect(await runAs(member, ['@quiet', 'sh', '-c', 'echo $A; id -u'], program)).toEqual(ok('1\n0\n'));
  });

  test('finds a template of the host by its name', async () => {
    expect(await runAs(member, ['-c', basename(template.dataset), '--wait', '60', 'pwd'], program)).toEqual(ok('/\n'));
  });

  test('is not told whether the host has a template that it may not use', async () => {
    const { status, stderr } = await runAs(member, ['-c', 'no-such-template', 'pwd'], program);
    const name = `${dirname(template.dataset)}/no-such-template`;
    expect({ status, first: stderr.split('\n')[0] }).toEqual({
      status: 125,
      first: `isolate: ${member.name} (uid ${member.uid}) may not use the template ${name}.`,
    });
  });
});

test('a user whom the daemon does not serve has no default template', async () => {
  expect(await runAs(outsider, ['@quiet', 'pwd'])).toMatchObject({
    status: 125,
    stderr: expect.stringMatching(/^isolate: Nothing to run on: give -c TEMPLATE, /) as string,
  });
});

test("a member's run that goes by the name of a template needs no Node", async () => {
  const { stderr } = await runAs(member, ['@quiet', '--trace', '-c', basename(template.dataset), 'true']);
  expect(stderr).toContain('+ way: daemon\n');
});
