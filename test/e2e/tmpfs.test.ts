import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const user = 54_383;
let scratch: string;
beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'isolate-tmpfs-')));
  chmodSync(scratch, 0o755);
  mkdirSync(join(scratch, 'home'));
  chownSync(join(scratch, 'home'), user, user);
  await addPlainUser(join(scratch, 'home'), user);
  mkdirSync(join(scratch, 'private'), { mode: 0o700 });
  await busyboxRootfs(join(scratch, 'private/template'));
  await busyboxRootfs(join(scratch, 'template'));
  mkdirSync(join(scratch, 'source'));
  writeFileSync(join(scratch, 'source/file'), 'bound\n');
});
afterAll(() => rmSync(scratch, { recursive: true }));

const report = [
  "grep -E ' /(scratch|etc) ' /proc/self/mountinfo | sed -E 's/.* (.(scratch|etc)) .*- ([a-z]+) .*(size=[0-9]+k).*/\\1 \\3 \\4/' | sort",
  'ls /etc; stat -c %a,%u,%g /scratch; cat /scratch/deep/bound/file',
  'touch /scratch/own /etc/own && echo written',
  'dd if=/dev/zero of=/scratch/full bs=1M count=5 2>/dev/null || echo full',
].join('; ');
const wanted = ['--tmpfs', '/scratch:4M', '--tmpfs', '/etc', '-d', 'source:/scratch/deep/bound', 'sh', '-c', report];
const ended = {
  status: 0,
  stdout: '/etc tmpfs size=1048576k\n/scratch tmpfs size=4096k\n1777,0,0\nbound\nwritten\nfull\n',
  stderr: '',
};

describe.each([
  ['bwrap', 'root', ['--ephemeral']],
  ['bwrap', 'root', ['--read-only']],
  ['bwrap', 'a user', ['--ephemeral']],
  ['lxc', 'root', ['--ephemeral']],
  ['lxc', 'root', ['--read-only']],
  ['lxc', 'a user', ['--ephemeral']],
  ['chroot', 'root', []],
])('with %s, by %s, %j', (engine, who, how) => {
  const start = (...words: string[]) => {
    const template = join(scratch, engine === 'chroot' ? 'private/template' : 'template');
    const caller = who === 'root' ? {} : { uid: user, environment: { HOME: join(scratch, 'home') } };
    return isolate(['-q', '-e', engine, '-t', template, ...how, ...words], { ...caller, cwd: scratch });
  };

  test('a memory file system is empty, limited, writable by everyone, and can contain binds', async () => {
    expect(await start(...wanted)).toMatchObject(ended);
  });

  test('its contents are gone in the next run', async () => {
    await start('--tmpfs', '/scratch', 'touch', '/scratch/left');
    expect(await start('--tmpfs', '/scratch', 'ls', '-A', '/scratch')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('the command may start in it, but not in a missing directory', async () => {
    expect(await start('--tmpfs', '/scratch', '-p', '/scratch', 'pwd')).toMatchObject({ status: 0, stdout: '/scratch\n', stderr: '' });
    expect(await start('--tmpfs', '/scratch', '-p', '/scratch/none', 'pwd')).toMatchObject({
      status: 125,
      stderr: 'isolate: The working directory /scratch/none is missing in a tmpfs, which is shown at /scratch.\n',
    });
  });
});

test.each([
  [['--tmpfs', 'scratch'], 'isolate: The --tmpfs target "scratch" is not absolute.\n'],
  [['--tmpfs', '/'], 'isolate: A tmpfs cannot be bound over / of the sandbox.\nhint: -t runs on a directory of the host\n'],
  [['--tmpfs', '/a:0'], 'isolate: --tmpfs takes a size such as 512M or 2G, not "0".\n'],
  [['--tmpfs', '/a:1M:2M'], 'isolate: "/a:1M:2M" is not TARGET or TARGET:SIZE.\n'],
  [['--tmpfs', '/a', '-d', 'source:/a'], 'isolate: Two binds have the target "/a".\n'],
  [['--tmpfs', '/etc/passwd'], 'isolate: A tmpfs cannot be shown at /etc/passwd, which is a file in TEMPLATE.\n'],
])('%j is refused', async (words, stderr) => {
  const template = join(scratch, 'template');
  const { status, stderr: said } = await isolate(['-t', template, '--ephemeral', ...words, 'true'], { cwd: scratch });
  expect({ status, stderr: said.replaceAll(template, 'TEMPLATE') }).toEqual({ status: 125, stderr });
});
