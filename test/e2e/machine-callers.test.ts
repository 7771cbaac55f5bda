import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { debianKernel, type DistributionKernel } from '../rig/debian-kernel.ts';
import { ended, isolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let daemon: Daemon;
let member: Member;
let single: Member;
let kernel: DistributionKernel;

beforeAll(async () => {
  member = await addMember(54_601, { subordinate: 1_610_000_000 });
  single = await addMember(54_602, { subordinate: null });
  await addMemberGroup();
  template = await makeZfsTemplate();
  await writeConfig(`[templates."${template.dataset}"]\ncount = 4\nusers = ["${member.name}", "${single.name}"]\n`);
  daemon = await startDaemon();
  kernel = await debianKernel();
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
}, 300_000);

const inMachine = (...root: string[]): string[] => ['-q', '-e', 'kvm', ...root];
const script = 'id -u; stat -c %u:%g / /etc/passwd; touch /mine; stat -c %u:%g /mine; rm /etc/group; exit 7';
const seen = '0\n0:0\n0:0\n0:0\n';

describe.each(['isolate', 'isolate-node'] as const)('by %s', (program) => {
  test('a member runs a machine on a clone of its own', async () => {
    const root = ['-z', template.dataset, '--wait', '60'];
    expect(await runAs(member, [...inMachine(...root), '--', 'sh', '-c', script], program)).toEqual(ended(7, seen));
    expect(await runAs(member, [...inMachine(...root), '--', 'ls', '/mine', '/etc/group'], program)).toMatchObject({
      status: 1,
      stdout: '/etc/group\n',
    });
  });

  test('a member has disks of its own on a clone of the daemon, and reaches no others', async () => {
    const root = ['-z', template.dataset, '--wait', '60'];
    const image = join(member.home, `image-${program}`);
    execFileSync('truncate', ['-s', '16M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    execFileSync('chown', [`${member.uid}:${member.uid}`, image]);
    const disk = ['--mount', `host-image:/mnt=${image}`];
    const kept = ['sh', '-c', 'ls /mnt; echo member > /mnt/kept'];
    expect(await runAs(member, [...inMachine(...root), ...disk, '--', ...kept], program)).toEqual(ended(0, 'lost+found\n'));
    expect(await runAs(member, [...inMachine(...root), ...disk, '--', 'cat', '/mnt/kept'], program)).toEqual(ended(0, 'member\n'));
    const { status, stderr } = await runAs(member, [...inMachine(...root), '--disk', 'a=/etc/shadow', '--', 'true'], program);
    expect([status, stderr]).toEqual([125, expect.stringContaining('/etc/shadow')]);
  });

  test('a user runs a machine on a throw-away layer over a directory', async () => {
    const root = join(member.home, `root-${program}`);
    await copyRootfs(await busyboxRootfs(), root);
    execFileSync('chown', ['-hR', `${member.uid}:${member.uid}`, root]);
    const given = script.replace('touch /mine;', 'touch /mine && chown 1:2 /mine;');
    const found = await runAs(member, [...inMachine('-t', root, '--ephemeral'), '--', 'sh', '-c', given], program);
    expect(found).toEqual(ended(7, seen.replace(/0:0\n$/, '1:2\n')));
  });

  test('root runs a machine on a clone that the daemon has ready', async () => {
    const root = ['-z', template.dataset, '--wait', '60'];
    expect(await isolate([...inMachine(...root), '--', 'sh', '-c', script])).toEqual(ended(7, seen));
  });
});

test('a member with --memory has a machine with so much, whose own needs are not counted', async () => {
  // Fills nearly all of it.
  const fill =
    'sed -n "s/MemTotal: *//p" /proc/meminfo; dd if=/dev/zero of=/tmp/full bs=1M count=90 2> /dev/null || echo full; rm /tmp/full; echo more';
  const words = ['-z', template.dataset, '--wait', '60', '--memory', '128M', '--', 'sh', '-c', fill];
  const { status, stdout, stderr } = await runAs(member, [...inMachine(), ...words]);
  const [total = '', ...others] = stdout.split('\n');
  const kib = Number.parseInt(total, 10);
  expect({ status, fits: kib > 80_000 && kib <= 131_072, others: others.at(-2), stderr }).toEqual({
    status: 0,
    fits: true,
    others: 'more',
    stderr: '',
  });
});

test('a user without subordinate ids has a machine whose files have one owner', async () => {
  const words = ['-z', template.dataset, '--wait', '60', '--', 'sh', '-c', 'touch /mine; stat -c %u /mine; chown 1 /mine 2>&1'];
  expect(await runAs(single, [...inMachine(), ...words])).toMatchObject({ status: 1, stdout: '0\nchown: /mine: Invalid argument\n' });
});

test('a member boots a kernel of its own choice on a clone of the daemon', async () => {
  const { image, modules, release } = kernel;
  const root = ['-z', template.dataset, '--wait', '60'];
  expect(await runAs(member, [...inMachine(...root), '--kernel', image, '--modules', modules, '--', 'uname', '-r'])).toEqual(
    ended(0, `${release}\n`),
  );
});
