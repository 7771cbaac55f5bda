import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { socketFile, writeConfig } from '../rig/daemon.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { copyRootfs, debianRootfs } from '../rig/rootfs.ts';

const firstIds = 1_610_000_000;

let directory: string;
let member: Member;
let daemon: ChildProcess;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-members-'));
  member = await addMember(54_201, { subordinate: firstIds });
  await addMemberGroup();
  const template = join(directory, 'debian');
  for (const name of ['clones', 'snapshots/1']) mkdirSync(join(template, name), { recursive: true });
  await copyRootfs(await debianRootfs(), join(template, 'root'));
  symlinkSync('/etc', join(template, 'root/srv/out'));
  symlinkSync('../../../../../etc', join(template, 'root/srv/up'));
  await writeConfig(`[templates."tank/debian"]\ncount = 1\nusers = ["${member.name}"]\n`);
}, 900_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  if (daemon.exitCode === null && daemon.signalCode === null) {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  }
  rmSync(socketFile, { force: true });
});

async function serve(way: 'idmapped' | 'changed'): Promise<void> {
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  daemon = spawn(process.execPath, [join(import.meta.dirname, '../rig/serve-members.ts'), directory, way], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    daemon.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('"ready"')) resolve();
    });
    daemon.once('exit', () => reject(new Error(`The daemon ended:\n${log}`)));
  });
}

const root = ['-q', '-z', 'tank/debian', '--wait', '30'];
const users =
  'useradd -m -u 1234 someone && su someone -c "id -u; touch ~/mine; cat /etc/shadow" && exit 1; chown 42:43 /srv && stat -c "%u %g" /home/someone/mine /srv';

describe.each(['idmapped', 'changed'] as const)('a clone whose ids are %s', (way) => {
  test('can be given to users made inside', async () => {
    await serve(way);
    expect(await runAs(member, [...root, 'bash', '-c', users], 'isolate-node')).toEqual({
      status: 0,
      signal: null,
      stdout: '1234\n1234 1234\n42 43\n',
      stderr: 'cat: /etc/shadow: Permission denied\n',
    });
  });

  test('has the owners on disk that its storage needs', async () => {
    await serve(way);
    const script = 'cp /bin/true /srv/su && chmod 4755 /srv/su && chown 7:8 /srv && echo made && cat';
    const child = startAs(member, [...root, 'sh', '-c', script], 'isolate-node');
    await once(child.stdout!, 'data');
    const clones = join(directory, 'debian/clones');
    const id = readdirSync(clones).find((name) => existsSync(join(clones, name, 'rootfs/srv/su')));
    const owners = ['srv/su', 'srv', 'etc/passwd'].map((name) => {
      const { uid, gid } = lstatSync(join(clones, String(id), 'rootfs', name));
      return [uid, gid];
    });
    child.stdin?.end();
    await once(child, 'close');
    const [rootOwner, other] =
      way === 'idmapped'
        ? [
            [0, 0],
            [7, 8],
          ]
        : [
            [54_201, 54_201],
            [firstIds + 6, firstIds + 7],
          ];
    expect(owners).toEqual([rootOwner, other, rootOwner]);
  });
});

test('binds end in the clone, whatever its links say', async () => {
  await serve('idmapped');
  const own = join(member.home, 'data');
  mkdirSync(own);
  const binds = ['--bind', `${own}:/srv/out/by-link`, '--bind', `${own}:/srv/up/by-dots`];
  const script = 'ls -d /etc/by-link /etc/by-dots';
  expect(await runAs(member, [...root, ...binds, 'sh', '-c', script], 'isolate-node')).toMatchObject({
    status: 0,
    stdout: '/etc/by-dots\n/etc/by-link\n',
    stderr: '',
  });
  for (const name of ['by-link', 'by-dots']) expect(lstatSync(join('/etc', name), { throwIfNoEntry: false })).toBeUndefined();
});

test.each([
  ['isolate', 'bwrap'],
  ['isolate', 'lxc'],
  ['isolate-node', 'bwrap'],
  ['isolate-node', 'lxc'],
] as const)('%s, %s: a read-only clone has new places for binds, and its own name', async (program, engine) => {
  await serve('idmapped');
  const own = join(member.home, `shown-${program}-${engine}`);
  mkdirSync(own);
  const options = ['--read-only', '-e', engine, '-p', '/opt/new', '--bind', `${own}:/opt/new/place:ro`, '--hostname', 'own.test'];
  const script = 'stat -c %a . place; getent hosts $(hostname); touch /opt/x 2> /dev/null || echo read-only';
  expect(await runAs(member, [...root, ...options, 'sh', '-c', script], program)).toEqual({
    status: 0,
    signal: null,
    stdout: '755\n755\n127.0.1.1       own.test own\nread-only\n',
    stderr: '',
  });
});
