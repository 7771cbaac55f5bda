import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { daemonStart } from '../../src/host/daemon-start.ts';
import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { finished, isolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const firstIds = 1_600_000_000;
const secondIds = 1_700_000_000;

let template: ZfsTemplate;
let daemon: Daemon;
let member: Member;
let second: Member;
let single: Member;
let unlisted: Member;
let outsider: Member;
let root: readonly string[];

beforeAll(async () => {
  member = await addMember(54_101, { subordinate: firstIds });
  second = await addMember(54_102, { subordinate: secondIds });
  single = await addMember(54_103, { subordinate: null });
  unlisted = await addMember(54_104);
  outsider = await addMember(54_105, { groups: [] });
  await addMemberGroup();
  template = await makeZfsTemplate();
  const users = [member, second, single, outsider].map(({ name }) => `"${name}"`).join(', ');
  await writeConfig(`[templates."${template.dataset}"]\ncount = 4\nusers = [${users}]\n`);
  daemon = await startDaemon();
  root = ['-q', '-z', template.dataset, '--wait', '60'];
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
}, 300_000);

const ok = (stdout: string) => ({ status: 0, signal: null, stdout, stderr: '' });

/** What the daemon wrote of each lease that ended. */
function leases(): readonly Readonly<Record<string, unknown>>[] {
  const lines = daemon.log().split('\n');
  return lines
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []))
    .filter(({ event }) => event === 'lease');
}

/** How the lease of this process ended. */
function outcomeOf({ pid }: ChildProcess): Readonly<Record<string, unknown>> | undefined {
  return leases().find((lease) => lease['pid'] === pid);
}

describe.each(['isolate', 'isolate-node'] as const)('a member who runs %s', (program) => {
  test('is root in a clone of its own, which is gone afterwards', async () => {
    const script =
      'id -u; stat -c "%u %g" / /etc/passwd; cat /proc/self/uid_map; echo mine > /new; stat -c "%u %g" /new; mkdir /root/d && rm /etc/group; cat /new';
    const maps = `         0      54101          1\n         1 ${firstIds}      65535\n`;
    expect(await runAs(member, [...root, 'sh', '-c', script], program)).toEqual(ok(`0\n0 0\n0 0\n${maps}0 0\nmine\n`));
    expect(await runAs(member, [...root, 'ls', '/new'], program)).toMatchObject({ status: 1, stdout: '' });
    expect(statSync(join(template.directory, 'etc/group')).uid).toBe(0);
  });

  test('has only its own and its subordinate ids for the kernel', async () => {
    const child = startAs(member, [...root, 'sh', '-c', 'exec sleep 54101'], program);
    await expect.poll(() => commandOf('sleep 54101'), { timeout: 20_000 }).not.toBeNull();
    const status = readFileSync(`/proc/${await commandOf('sleep 54101')}/status`, 'utf8');
    child.kill('SIGTERM');
    await once(child, 'close');
    expect(/^Uid:\t(.*)$/m.exec(status)?.[1]).toBe('54101\t54101\t54101\t54101');
    expect(/^Gid:\t(.*)$/m.exec(status)?.[1]).toBe('54101\t54101\t54101\t54101');
  });

  test('gets the exit status of the command', async () => {
    expect(await runAs(member, [...root, 'sh', '-c', 'exit 42'], program)).toMatchObject({ status: 42 });
    expect(await runAs(member, [...root, 'sh', '-c', 'kill -9 $$'], program)).toMatchObject({ status: 137 });
    expect(await runAs(member, [...root, 'no-such-program'], program)).toMatchObject({ status: 127 });
  });

  test('leaves a line in the log for the run, with its user and its end', async () => {
    for (const [command, end] of [
      ['exit 42', { outcome: 'exited', code: 42 }],
      ['kill -9 $$', { outcome: 'killed', signal: 9 }],
    ] as const) {
      const child = startAs(member, [...root, 'sh', '-c', command], program);
      await once(child, 'close');
      await expect.poll(() => outcomeOf(child)).toMatchObject({ uid: 54_101, template: template.dataset, engine: 'bwrap', ...end });
    }
  });

  test('can write to binds of its own files, and reads no files of others', async () => {
    const own = join(member.home, `own-${program}`);
    mkdirSync(own);
    chownSync(own, member.uid, member.uid);
    const others = join(member.home, `others-${program}`);
    writeFileSync(others, 'secret');
    chmodSync(others, 0o600);
    const binds = ['--bind', `${own}:/data`, '--bind', `${others}:/others`];
    const script = 'echo x > /data/file; stat -c %u /data/file; cat /others';
    expect(await runAs(member, [...root, ...binds, 'sh', '-c', script], program)).toMatchObject({
      status: 1,
      stdout: '0\n',
      stderr: "cat: can't open '/others': Permission denied\n",
    });
    expect(statSync(join(own, 'file')).uid).toBe(member.uid);
  });

  test('binds one thing below another', async () => {
    const outer = join(member.home, `outer-${program}`);
    mkdirSync(join(outer, 'sub'), { recursive: true });
    const binds = ['--bind', `${outer}:/outer`, '--bind', '/etc/hostname:/outer/sub/name:ro'];
    writeFileSync(join(outer, 'sub/name'), '');
    const expected = readFileSync('/etc/hostname', 'utf8');
    expect(await runAs(member, [...root, ...binds, 'cat', '/outer/sub/name'], program)).toEqual(ok(expected));
  });

  test('can have the root read-only, an environment and a time limit', async () => {
    const options = ['--read-only', '-v', 'A=b', '-p', '/var', '--timeout', '30'];
    expect(await runAs(member, [...root, ...options, 'sh', '-c', 'pwd; echo $A; touch /x'], program)).toEqual({
      status: 1,
      signal: null,
      stdout: '/var\nb\n',
      stderr: 'touch: /x: Read-only file system\n',
    });
    expect(await runAs(member, [...root, '--timeout', '0.2', 'sleep', '100'], program)).toMatchObject({ status: 124 });
  });

  test('has its own limits enforced, on a clone and on a directory', async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; echo done';
    const held = await runAs(member, [...root, '--pids', '6', '--memory', '64M', '--cpu', '50', 'sh', '-c', script], program);
    expect(held).toMatchObject({ status: 2, stderr: expect.stringContaining('fork') as string });
    const directory = await copyRootfs(await busyboxRootfs(), join(member.home, `limited-${program}`));
    expect(await runAs(member, ['-q', '-t', directory, '--pids', '6', 'true'], program)).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('cannot be enforced') as string,
    });
  });

  test('runs LXC on it', async () => {
    const script = 'id -u; echo x > /new; stat -c "%u %g" /new /etc/passwd; exit 9';
    expect(await runAs(member, [...root, '-e', 'lxc', 'sh', '-c', script], program)).toEqual({ ...ok('0\n0 0\n0 0\n'), status: 9 });
  });

  test('without subordinate ids is root over files of root', async () => {
    const script = 'id -u; stat -c %u /etc/passwd; echo x > /etc/new; cat /proc/self/uid_map /proc/self/setgroups';
    expect(await runAs(single, [...root, 'sh', '-c', script], program)).toEqual(ok('0\n0\n         0      54103          1\ndeny\n'));
    expect(await runAs(single, [...root, '-e', 'lxc', 'true'], program)).toMatchObject({ status: 125 });
  });

  test('without access to the template is refused, as is a user outside the group', async () => {
    const refused = await runAs(unlisted, [...root, 'true'], program);
    expect(refused).toMatchObject({ status: 125, stdout: '' });
    expect(refused.stderr).toContain(`plain54104 (uid 54104) may not use the template ${template.dataset}.`);
    const outside = await runAs(outsider, [...root, 'true'], program);
    expect(outside).toMatchObject({ status: 125, stdout: '' });
    expect(outside.stderr).toContain('You may not connect to the daemon');
    expect(await runAs(member, ['-z', 'no/such', 'true'], program)).toMatchObject({ status: 125 });
  });

  test('is told that ids cannot be chosen', async () => {
    const { status, stderr } = await runAs(member, [...root, '--uid-base', String(firstIds), 'true'], program);
    expect({ status, stderr: stderr.split('\n')[0] }).toEqual({
      status: 125,
      stderr:
        'isolate: --uid-base cannot be used with a clone from the daemon, which maps your own id to 0 and your subordinate ids after it.',
    });
  });

  test('sees a dry run without a clone', async () => {
    const dry = startAs(member, [...root, '--dry-run', 'true'], program);
    const { status, stdout } = await finished(dry);
    expect(status).toBe(0);
    expect(stdout).toContain('attach the tree of the clone on /run/isolate/sandbox');
    const real = startAs(member, [...root, 'true'], program);
    await finished(real);
    await expect.poll(() => outcomeOf(real)).toMatchObject({ outcome: 'exited' });
    // The line of an earlier lease would be there by now.
    expect(outcomeOf(dry)).toBeUndefined();
  });
});

test('hooks run as the member, see the clone with the ids of the sandbox, and change it', async () => {
  const pre = 'id -u; stat -c "%u %n" $ROOTFS/etc/passwd; echo pre > $ROOTFS/from-pre; touch $HOME/by-hook; pwd';
  const post = 'cat $ROOTFS/from-command; stat -c %u $ROOTFS/from-command';
  const hooks = ['--pre-hook', pre, '--post-hook', post];
  const { status, stdout, stderr } = await runAs(member, [...root, ...hooks, 'sh', '-c', 'cat /from-pre; echo command > /from-command']);
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'pre\n' });
  expect(stderr).toBe(`0\n0 /run/isolate/sandbox/etc/passwd\n${member.home}\ncommand\n0\n`);
  expect(statSync(join(member.home, 'by-hook')).uid).toBe(member.uid);
});

test('a hook cannot do on the host what the member cannot', async () => {
  const hook = 'cat /etc/shadow; touch /etc/by-hook; mount -t tmpfs none /mnt && echo mounted; ls /run/isolate/mnt';
  const { status, stderr } = await runAs(member, [...root, '--pre-hook', `${hook}; exit 0`, 'true']);
  expect(status).toBe(0);
  const denied = stderr.split('\n').filter((line) => line.includes('Permission denied'));
  expect(denied).toHaveLength(3);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain('none /mnt');
});

test.each([
  ['exit 3', 'The pre hook exited with 3.'],
  ['kill -9 $$', 'The pre hook was killed by SIGKILL.'],
])('if the hook %j fails, the command is not run and the clone is given back', async (hook, message) => {
  const { status, stdout, stderr } = await runAs(member, [...root, '--pre-hook', hook, 'echo', 'ran']);
  expect({ status, stdout, stderr }).toEqual({ status: 125, stdout: '', stderr: `isolate: ${message}\n` });
  await expect.poll(() => leases().at(-1)).toMatchObject({ uid: member.uid, template: template.dataset });
});

test('two members at the same time each have their own clone and ids', async () => {
  const script = 'echo $0 > /who; sleep 1; cat /who; ls / | grep -c who; cat /proc/self/uid_map';
  const [one, two] = await Promise.all([
    runAs(member, [...root, 'sh', '-c', script, 'one']),
    runAs(second, [...root, 'sh', '-c', script, 'two']),
  ]);
  expect(one).toEqual(ok(`one\n1\n         0      54101          1\n         1 ${firstIds}      65535\n`));
  expect(two).toEqual(ok(`two\n1\n         0      54102          1\n         1 ${secondIds}      65535\n`));
});

test('kill -9 of the program ends the command and gives back the clone', async () => {
  const child = startAs(member, [...root, '--timeout', '900', 'sh', '-c', 'echo ready; exec sleep 54102'], 'isolate-node');
  await once(child.stdout!, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  await expect.poll(() => commandOf('sleep 54102')).toBeNull();
  await expect.poll(() => outcomeOf(child)).toMatchObject({ outcome: 'closed' });
});

test('without the daemon a member is told where clones come from', async () => {
  await daemon.end();
  try {
    const { status, stderr } = await runAs(member, [...root, 'true']);
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: `isolate: The daemon is not running; without it only root gets clones of ${template.dataset}.
hint: ${daemonStart()}; or run isolate with sudo, or use -t DIR
`,
    });
  } finally {
    daemon = await startDaemon();
  }
});

async function commandOf(line: string): Promise<string | null> {
  const { readdir, readFile } = await import('node:fs/promises');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids[lines.findIndex((text) => text.replaceAll('\0', ' ').trim() === line)] ?? null;
}
