import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate, startIsolate } from '../rig/isolate.ts';
import { copyRootfs, debianRootfs } from '../rig/rootfs.ts';

let template: string;
beforeAll(async () => {
  // mkdtemp makes it 0700: nobody else may reach a template that root's sandboxes write to.
  template = await copyRootfs(await debianRootfs(), join(mkdtempSync(join(tmpdir(), 'debian-')), 'root'));
}, 900_000);
afterAll(async () => {
  await rm(dirname(template), { recursive: true, force: true });
});

const install = 'apt-get update >/dev/null && apt-get install -y --no-install-recommends hello >/dev/null 2>&1 && hello';

test.each(['bwrap', 'chroot'])('a package can be installed with the %s engine', { timeout: 300_000 }, async (engine) => {
  const root = engine === 'bwrap' ? ['-n', '--ephemeral', '-t', template] : ['-t', template];
  expect(await isolate(['-q', '-e', engine, ...root, '-v', 'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', install])).toEqual({
    status: 0,
    signal: null,
    stdout: 'Hello, world!\n',
    stderr: '',
  });
  // What was done to an overlay is gone; what was done to a template stays, the mounts for it do not.
  expect(existsSync(join(template, 'usr/bin/hello'))).toBe(engine === 'chroot');
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(template);
});

test('users can be added and files given to them', async () => {
  const script =
    'useradd -m -u 1234 someone && su someone -c "id -u; touch ~/mine" && chown 42:43 /srv && stat -c "%u %g" /home/someone/mine /srv';
  const { status, stdout } = await isolate(['-q', '--ephemeral', '-t', template, 'bash', '-c', script]);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '1234\n1234 1234\n42 43\n' });
});

test('namespaces inside LXC see no cgroup of the host in any hierarchy', async () => {
  const groups = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const mounts = groups.map((line) => {
    const [, controllers = ''] = line.split(':');
    if (controllers === '') return 'mount -t cgroup2 none /mnt';
    return `mount -t cgroup -o ${controllers.includes('=') ? 'none,' : ''}${controllers} none /mnt`;
  });
  const script = mounts.map((mount) => `${mount} && find /mnt -type d && umount /mnt`).join('\n');
  const run = await isolate(['-q', '-e', 'lxc', '--ephemeral', '-t', template, 'unshare', '-UrmC', 'sh', '-euc', script]);
  expect(run).toEqual({ status: 0, signal: null, stdout: '/mnt\n'.repeat(groups.length), stderr: '' });
});

test('kill -9 in the middle of maintenance leaves no process and no mount of it', async () => {
  const child = startIsolate(['-q', '-e', 'chroot', '-t', template, 'sh', '-c', 'sleep 7654 & echo ready; wait']);
  await once(child.stdout!, 'data');
  expect(await holders()).not.toEqual([]);
  child.kill('SIGKILL');
  await once(child, 'close');
  await expect.poll(holders).toEqual([]);
  expect(existsSync(join(template, 'proc/self'))).toBe(false);
});

/** Processes in whose mount namespace something is mounted below the template. */
async function holders(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const mounts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')));
  // There it is told from the root of its file system on, which may be mounted at /tmp.
  return pids.filter((_, index) => mounts[index]?.includes(basename(dirname(template))));
}
