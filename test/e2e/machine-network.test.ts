import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { ended, isolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'isolate-machine-network-'));
const root = join(scratch, 'root');
const server = createServer((_, response) => response.end('from the host\n'));
const server6 = createServer((_, response) => response.end('from the host by IPv6\n'));
let port = 0;

beforeAll(async () => {
  await busyboxRootfs(root);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
  await once(server6.listen(port, '::1'), 'listening');
});
afterAll(() => {
  server.close();
  server6.close();
  rmSync(scratch, { recursive: true });
});

const run = (options: readonly string[], script: string) =>
  isolate(['-q', '-e', 'kvm', '-t', root, '--ephemeral', ...options, '--', 'sh', '-c', script]);
const addresses = "ip -o addr show | sed -En 's/^[0-9]+: (\\w+) +inet6? (\\S+)( brd \\S+)? scope global.*/\\1 \\2\\3/p'";

test('a machine has only loopback, which is up', async () => {
  expect(await run([], 'ls /sys/class/net; ping -c 1 -q 127.0.0.1 > /dev/null && echo up')).toEqual(ended(0, 'lo\nup\n'));
});

test('cards are there in order, and DHCP gives each an address of its network and the first the way out', async () => {
  const script = `ls /sys/class/net; ${addresses}; ip route; cat /etc/resolv.conf; wget -q -O - http://10.0.2.2:${port}; wget -q -O - http://10.0.3.2:${port}`;
  expect(await run(['--network', 'dhcp', '--network', 'dhcp,mac=52:54:00:aa:bb:cc'], `${script}; cat /sys/class/net/eth1/address`)).toEqual(
    ended(
      0,
      `eth0
eth1
lo
eth0 10.0.2.15/24
eth1 10.0.3.15/24
default via 10.0.2.2 dev eth0${' '}
10.0.2.0/24 dev eth0 scope link  src 10.0.2.15${' '}
10.0.3.0/24 dev eth1 scope link  src 10.0.3.15${' '}
nameserver 10.0.2.3
from the host
from the host
52:54:00:aa:bb:cc
`,
    ),
  );
});

test('a card has the addresses and routes that it was given, of both kinds, and reaches the host by them', async () => {
  const card =
    'mac=52:54:00:aa:bb:cc,address=10.9.0.2/24%10.9.0.255,address=2001:db8::2,route=10.8.0.0/16%10.9.0.1,route=2001:db9::/48%2001:db8::1';
  const script = `cat /sys/class/net/eth0/address; ${addresses}; ip route; ip -6 route | grep 2001 | sed -E 's/ +(proto|metric).*//'; cat /etc/resolv.conf
    wget -q -O - http://10.9.0.1:${port}; wget -q -O - 'http://[2001:db8::1]:${port}'`;
  expect(await run(['--network', card], script)).toEqual(
    ended(
      0,
      `52:54:00:aa:bb:cc
eth0 10.9.0.2/24 brd 10.9.0.255
eth0 2001:db8::2/64
10.8.0.0/16 via 10.9.0.1 dev eth0${' '}
10.9.0.0/24 dev eth0 scope link  src 10.9.0.2${' '}
2001:db8::/64 dev eth0
2001:db9::/48 via 2001:db8::1 dev eth0
nameserver 10.9.0.3
from the host
from the host by IPv6
`,
    ),
  );
});

test('a card without addresses is down, and one whose route cannot be ends the run before the command', async () => {
  expect(await run(['--network', 'mac=52:54:00:aa:bb:cc'], 'cat /sys/class/net/eth0/operstate')).toEqual(ended(0, 'down\n'));
  expect(await run(['--network', 'address=10.9.0.2,route=10.8.0.0/16%10.7.0.1'], 'echo ran')).toEqual(
    ended(125, '', expect.stringContaining('route eth0 10.8.0.0 16 10.7.0.1: Network is unreachable')),
  );
});

test.each([
  ['dhcp,address=10.0.0.2', 'Cannot set static addresses with DHCP.'],
  ['source=br0', "A network card of isolate has no source: its network is QEMU's own, in user space."],
])('the card %s is refused before anything starts', async (card, why) => {
  expect(await run(['--network', card], 'echo ran')).toEqual(ended(125, '', expect.stringContaining(`isolate: ${why}\n`)));
});

test('a run says that its cards reach the host', async () => {
  const answer = await isolate(['-e', 'kvm', '-t', root, '--ephemeral', '--network', 'dhcp', '--', 'true']);
  expect(answer).toEqual(ended(0, '', 'isolate: The machine reaches what this host reaches, including services on its localhost.\n'));
});

test('the kernel and init are heard on standard error if that is asked for, and else not at all', async () => {
  const options = ['-t', root, '--ephemeral', '--', 'sh', '-c', 'echo out; printf "from\\033[2Jinside\\n" > /dev/ttyS0'];
  const { status, stdout, stderr } = await isolate(['-q', '-e', 'kvm', '--init-debug', ...options]);
  expect([status, stdout]).toEqual([0, 'out\n']);
  const lines = [
    'Linux version',
    'Run /init as init process',
    'init: greets the host',
    'init: bind 0 / - directory',
    'init: card lo',
    'from\\x1b[2Jinside',
  ];
  expect(lines.filter((line) => !stderr.includes(line))).toEqual([]);
  expect(stderr).not.toContain('\x1b');
  expect(await isolate(['-q', '-e', 'kvm', ...options])).toEqual(ended(0, 'out\n'));
});
