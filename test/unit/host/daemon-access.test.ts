import { expect, test } from 'vitest';

import { type DaemonAccess, explainAccess } from '../../../src/host/daemon-access.ts';
import { daemonStart } from '../../../src/host/daemon-start.ts';

const access: DaemonAccess = {
  socket: { uid: 0, gid: 990, mode: 0o140660 },
  uid: 1000,
  groups: [1000],
  passwd: 'root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n',
  group: 'root:x:0:\nisolate:x:990:eva\nada:x:1000:\n',
};
const listed = 'isolate:x:990:eva,ada\n';

test.each<[string, Partial<DaemonAccess>, string]>([
  ['who is in no list', {}, 'ask to be added to the group isolate (usermod -aG isolate ada, as root), and log in again'],
  ['whom passwd does not know', { uid: 7 }, 'ask to be added to the group isolate (usermod -aG isolate USER, as root), and log in again'],
  ['who was added since', { group: listed }, 'log in again: you are listed in the group isolate, but were not when you logged in'],
  [
    'whose own group it is',
    { passwd: 'ada:x:1000:990::/:/bin/sh\n' },
    'log in again: you are listed in the group isolate, but were not when you logged in',
  ],
  [
    'before a socket of root alone',
    { group: listed, socket: { uid: 0, gid: 990, mode: 0o140600 } },
    'it has mode 0600, not 0660 root:isolate; restart isolated.socket',
  ],
  [
    'before a socket of another group',
    { socket: { uid: 0, gid: 0, mode: 0o140660 } },
    'it has mode 0660 and belongs to 0:0, not 0660 root:isolate; restart isolated.socket',
  ],
  ['where no group is', { group: 'root:x:0:\n' }, 'create the group isolate with systemd-sysusers, then restart isolated.socket'],
  [
    'whom all allows',
    { groups: [1000, 990] },
    'its mode and your groups are right, so something else forbids it, such as a security module',
  ],
])('a user %s is told the one thing to do', (_who, change, advice) => {
  expect(explainAccess({ ...access, ...change })).toBe(advice);
});

test('the daemon is started by systemd where it runs, else by isolate itself', () => {
  expect([daemonStart(true, true), daemonStart(true, false), daemonStart(false)]).toEqual([
    'systemctl enable --now isolated.socket, as root',
    'scripts/install in the checkout, then systemctl enable --now isolated.socket, as root',
    'isolate serve, as root',
  ]);
});
