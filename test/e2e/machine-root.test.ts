import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { ended, finished, isolate, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'isolate-machine-'));
const root = join(scratch, 'root');
const shared = join(scratch, 'shared');

beforeAll(async () => {
  await busyboxRootfs(root);
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), 'of the host\n');
  execFileSync('chown', ['-R', '1000:1000', shared]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const run = (options: readonly string[], script: string) => isolate(['-q', '-e', 'kvm', ...options, '--', 'sh', '-c', script]);
const ephemeral = ['-t', root, '--ephemeral'];

test('binds appear where they were asked for, in the machine own trees too, and only those that may be are changed', async () => {
  const options = [
    '-d',
    `${shared}:/mnt/a`,
    '-d',
    `${shared}/file:/tmp/x/file:ro`,
    '-d',
    `${shared}:/dev/shm/b:ro`,
    '-d',
    `${shared}:/etc/c`,
  ];
  const script = `cat /mnt/a/file /tmp/x/file /dev/shm/b/file; echo made > /mnt/a/made; stat -c %u:%g /mnt/a/made
    { echo no >> /tmp/x/file; } 2>&1; { echo no > /dev/shm/b/new; } 2>&1; ls /etc/c`;
  expect(await run([...ephemeral, ...options], script)).toEqual(
    ended(
      0,
      `${'of the host\n'.repeat(3)}0:0
sh: can't create /tmp/x/file: Read-only file system
sh: can't create /dev/shm/b/new: Read-only file system
file
made
`,
    ),
  );
  const made = statSync(join(shared, 'made'));
  expect({ owner: `${made.uid}:${made.gid}`, text: readFileSync(join(shared, 'file'), 'utf8') }).toEqual({
    owner: '1000:1000',
    text: 'of the host\n',
  });
});

test('a memory file system of the machine has the size that was asked for, and takes binds', async () => {
  const script = 'df -k /scratch | sed -n "2s/ \\+/ /gp" | cut -d " " -f 2; cat /scratch/in/file; stat -c %a /scratch';
  expect(await run([...ephemeral, '--tmpfs', '/scratch:4M', '-d', `${shared}:/scratch/in`], script)).toEqual(
    ended(0, '4096\nof the host\n1777\n'),
  );
});

test('a read-only root takes nothing, and the places of binds and of the machine are made beside it', async () => {
  const script = 'touch /new 2>&1; cat /not/there/file; touch /tmp/ok && echo tmp; grep -c "^127.0.1.1" /etc/hosts';
  expect(await run(['-t', root, '--read-only', '-d', `${shared}:/not/there`], script)).toEqual(
    ended(0, 'touch: /new: Read-only file system\nof the host\ntmp\n1\n'),
  );
  expect(existsSync(join(root, 'not'))).toBe(false);
});

test('what a machine leaves in a session has its owners, modes and links for other engines too, which go on in it', async () => {
  const script = `mkdir -m 750 /srv && cd /srv && echo a > a && ln a b && ln -s a c && chown 42:43 a && chown -h 5:6 c && chmod 4755 a
    echo open > d && exec 3< d && rm d && cat <&3; rm -r /var/log`;
  const begun = await isolate(['-q', '-e', 'kvm', ...ephemeral, '--keep=machine', '--', 'sh', '-c', script]);
  const look = 'stat -c "%n %a %u:%g %h %F" /srv /srv/*; readlink /srv/c; ls -d /var/log 2>&1; echo bwrap >> /srv/a';
  const inBwrap = await isolate(['-q', '--session', 'machine', ...ephemeral, '--', 'sh', '-c', look]);
  const again = await isolate(['-q', '-e', 'kvm', '--session', 'machine', ...ephemeral, '--', 'cat', '/srv/b']);
  const changed = await isolate(['diff', '--porcelain', 'machine']);
  await isolate(['rm', 'machine']);
  expect({ begun, inBwrap, again, changed: changed.stdout }).toEqual({
    begun: ended(0, 'open\n'),
    inBwrap: ended(
      0,
      `/srv 750 0:0 2 directory
/srv/a 4755 42:43 2 regular file
/srv/b 4755 42:43 2 regular file
/srv/c 777 5:6 1 symbolic link
a
ls: /var/log: No such file or directory
`,
    ),
    again: ended(0, 'a\nbwrap\n'),
    changed: '+........ srv\n+........ srv/a\n+........ srv/b\n+........ srv/c\n.-....... var/log\n',
  });
});

test('9p takes no named pipes and no devices, which a machine can have in its memory', async () => {
  const script = 'mkfifo /pipe 2>&1; mknod /zero c 1 5 2>&1; mkfifo /tmp/pipe && echo made';
  expect(await run(ephemeral, script)).toEqual(
    ended(0, 'mkfifo: /pipe: No such device or address\nmknod: /zero: Operation not permitted\nmade\n'),
  );
});

test('root inside is root of the machine: it may mount, and make namespaces as any user may', async () => {
  const script =
    'mount -t tmpfs none /mnt && umount /mnt && sysctl -w kernel.hostname=own > /dev/null && hostname; unshare -Ur true && echo nested';
  expect(await run(ephemeral, script)).toEqual(ended(0, 'own\nnested\n'));
});

test('nothing can join a machine', async () => {
  const child = startIsolate(['-q', '-e', 'kvm', ...ephemeral, '--', 'sh', '-c', 'echo ready; exec sleep 600']);
  await once(child.stdout!, 'data');
  const { runs } = JSON.parse((await isolate(['ps', '--json'])).stdout) as { runs: { runId: string; pid: number }[] };
  const id = runs.find(({ pid }) => pid === child.pid)?.runId ?? '';
  const [joined, copied] = [await isolate(['exec', id, 'true']), await isolate(['cp', `${id}:/etc/passwd`, join(scratch, 'copy')])];
  const end = finished(child);
  child.kill('SIGTERM');
  const message = 'isolate: Nothing can join a run of the engine kvm, which has a kernel of its own.\n';
  expect({ joined, copied, status: (await end).status }).toEqual({
    joined: ended(125, '', message),
    copied: ended(2, '', message),
    status: 143,
  });
});

test('a machine has no network but its own, unless it is given the one of the host', async () => {
  const script =
    'ip -o link | cut -d : -f 2 | tr -d " \\n"; ping -c 1 -W 5 127.0.0.1 > /dev/null && echo " up"; wget -q -O - http://10.0.2.2/ 2>&1';
  expect(await run(['-t', root, '--read-only'], script)).toEqual(
    ended(1, "lo up\nwget: can't connect to remote host (10.0.2.2): Network is unreachable\n"),
  );
});

test('with -n it reaches the host by user-mode networking, and asks the name servers of the host, which may be on its localhost', async () => {
  const server = createServer((_, response) => void response.end('from the host\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const names = await serveNames();
  const { port } = server.address() as AddressInfo;
  writeFileSync(join(scratch, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  execFileSync('mount', ['--bind', join(scratch, 'resolv.conf'), '/etc/resolv.conf']);
  const script = `cat /etc/resolv.conf; wget -q -O - http://10.0.2.2:${port}/; nslookup -type=a some.name.example | tail -n 2`;
  const found = await run(['-t', root, '--read-only', '-n'], script);
  execFileSync('umount', ['/etc/resolv.conf']);
  server.close();
  names.close();
  expect(found).toEqual(ended(0, 'nameserver 10.0.2.3\nfrom the host\nAddress: 192.0.2.7\n\n'));
});

/** A name server on this host's localhost that knows one address, 192.0.2.7, for every name (RFC 1035). */
async function serveNames(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (question, { port, address }) => {
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    socket.send(Buffer.concat([header, question.subarray(12), answer]), port, address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

test.each([
  [
    'a device',
    ['-d', '/dev/null:/dev/extra'],
    'The kvm engine cannot bind /dev/null: a device of this host means nothing to another kernel.',
  ],
  ['too little memory', ['--memory', '10M'], 'A machine does not start with less memory than 64M.'],
  ['no processor', ['--cpus', '0'], '--cpus takes a whole number from 1 to 255, not "0".'],
  ['an unknown acceleration', ['--accel', 'fast'], '--accel takes auto, kvm, tcg, not "fast".'],
  ['a limit of processes', ['--pids', '10'], 'The engine kvm does not support --pids; bwrap and lxc do.'],
  ['a desktop', ['-1'], 'The engine kvm does not support -1; bwrap does.'],
  ['a working directory that is not there', ['-p', '/nowhere'], 'The working directory /nowhere is missing in '],
])('a machine with %s is refused before anything is started', async (_, options, message) => {
  const { status, stderr } = await isolate(['-q', '-e', 'kvm', '-t', root, '--read-only', ...options, 'true']);
  expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringContaining(`isolate: ${message}`) as string });
});

test('options of machines are refused by engines that share the kernel of the host', async () => {
  const { status, stderr } = await isolate(['-q', '-t', root, '--read-only', '--cpus', '2', 'true']);
  expect({ status, stderr }).toEqual({ status: 125, stderr: 'isolate: The engine bwrap does not support --cpus; kvm does.\n' });
});
