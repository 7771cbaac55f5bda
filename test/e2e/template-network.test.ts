import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { finished, isolate, isolatePath } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { type SshHost, startSshHost } from '../rig/ssh-host.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let far: SshHost;
let template: ZfsTemplate;
let directory: string;
/** Where the other host gets directories. */
let remote: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'network-'));
  remote = join(directory, 'remote');
  mkdirSync(remote, { mode: 0o700 });
  far = await startSshHost();
  const tree = await busyboxRootfs(join(directory, 'root'));
  chmodSync(tree, 0o755);
  addRandom(tree, 40);
  template = await makeZfsTemplate({ tree });
});

afterAll(async () => {
  await template.pool.end();
  await far.end();
});

const done = { status: 0, signal: null, stdout: '', stderr: '' };

function addRandom(tree: string, megabytes: number): void {
  execFileSync('sh', ['-c', 'head -c "$1M" /dev/urandom > "$2/random-$1"', 'sh', String(megabytes), tree]);
}

function listFar(): readonly string[] {
  return far.run('zfs', 'list', '-H', '-o', 'name', '-r', '-t', 'all', 'far').trim().split('\n');
}

function notAnswering(host: string, says: string): object {
  return { ...done, status: 1, stderr: `isolate: The connection to ${host} failed.\nbecause: ${says}\n` };
}

/** Whether another process changes a template of the other host. */
function isBusy(name: string): boolean {
  const words = ['template', 'receive', '--abort', '--json', name];
  return far.run('sh', '-c', '"$@" 2>&1 || :', 'sh', isolatePath, ...words).includes('template-busy');
}

test(
  'a network that is silent all at once ends every transfer on both sides, and all can be sent again',
  { timeout: 400_000 },
  async () => {
    expect(await far.isolate(['template', 'send', '-q', template.dataset, 'far:far/old'])).toEqual(done);
    addRandom(template.directory, 100);
    await template.snapshot('second');
    // Slow enough for the cable to be taken out while everything is on its way.
    far.limit('20mbit');
    const transfers = [
      [template.dataset, 'far/old'],
      [`${template.dataset}@first`, 'far/new'],
      [join(directory, 'root'), `${remote}/directory`],
    ] as const;
    const send = ([from, to]: readonly [string, string]): ReturnType<typeof finished> =>
      finished(far.start(['template', 'send', '-q', from, `far:${to}`]));
    const before = far.arrived();
    const changes = send(transfers[0]);
    while (far.arrived() < before + 4e6) await sleep(20);
    const whole = send(transfers[1]);
    while (!listFar().includes('far/new.isolate-receive')) await sleep(20);
    const archive = send(transfers[2]);
    while (execFileSync('find', [remote, '-name', 'random-40', '-size', '+1M'], { encoding: 'utf8' }) === '') await sleep(20);
    far.plug('out');
    const datasets = ['far/old', 'far/new'];
    expect(datasets.map((dataset) => isBusy(dataset))).toEqual([true, true]);
    // As the kernel's quarter of an hour, but sooner.
    far.run('sh', '-c', 'echo 3 > /proc/sys/net/ipv4/tcp_retries2');

    // It cannot say anything to its sender, and the rest of the network cannot say anything to it.
    while (readdirSync(remote).length > 0 || datasets.some((dataset) => isBusy(dataset))) await sleep(200);
    expect(listFar()).toEqual(['far', 'far/old', 'far/old@first']);
    const silence = notAnswering('far', 'Timeout, server 192.0.2.2 not responding.');
    expect(await Promise.all([changes, whole, archive])).toEqual([silence, silence, silence]);

    far.plug('in');
    far.limit(null);
    for (const transfer of transfers) expect(await send(transfer)).toEqual(done);
    expect(listFar()).toEqual(['far', 'far/new', 'far/new@first', 'far/old', 'far/old@first', 'far/old@second']);
    expect(execFileSync('cmp', [join(directory, 'root/random-40'), join(remote, 'directory/random-40')], { encoding: 'utf8' })).toBe('');
  },
);

test('a host that takes a connection and says nothing is given up', { timeout: 300_000 }, async ({ onTestFinished }) => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  appendFileSync('/etc/ssh/ssh_config', `Host silent\n  HostName 127.0.0.1\n  Port ${port}\n`);
  expect(await isolate(['template', 'send', '-q', template.dataset, 'silent:far/old'])).toEqual(
    notAnswering('silent', `Connection to 127.0.0.1 port ${port} timed out`),
  );
});
