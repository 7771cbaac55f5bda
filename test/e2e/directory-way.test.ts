import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { addMember, addMemberGroup, type Member, runAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

const users: Record<'root' | 'user', Member> = {
  root: { uid: 0, name: 'root', home: mkdtempSync(join(tmpdir(), 'isolate-own-')), groups: [] },
  user: { uid: 54_421, name: '', home: '', groups: [] },
};
let daemon: Daemon;
beforeAll(async () => {
  users.user = await addMember(users.user.uid);
  await addMemberGroup();
  for (const { home } of Object.values(users)) {
    const root = join(home, 'root');
    await copyRootfs(await busyboxRootfs(), root);
    mkdirSync(join(root, 'srv/here'), { recursive: true });
    symlinkSync('/srv/here', join(root, 'srv/absolute'));
    symlinkSync('../../../../../etc', join(root, 'srv/out'));
    symlinkSync('/nowhere', join(root, 'srv/dangling'));
    symlinkSync('/tmp', join(root, 'srv/tmp'));
    symlinkSync(root, join(home, 'link'));
    writeFileSync(join(home, 'file'), 'bound\n');
    chmodSync(home, 0o700);
  }
  daemon = await startDaemon('');
}, 120_000);
afterAll(async () => {
  await daemon.end();
  rmSync(users.root.home, { recursive: true });
});

interface Case {
  readonly words: readonly string[];
  /** The program in Node has to do it, for root or for both. */
  readonly node?: 'both' | 'user' | 'root';
}

const show = 'id; pwd; hostname; cat "$0" 2>&1';
const cases: Readonly<Record<string, Case>> = {
  'a command': { words: ['sh', '-c', 'id; pwd; hostname; env | sort'] },
  'a read-only root': { words: ['--read-only', 'sh', '-c', 'echo >/srv/new; echo $?; cat /etc/hosts'] },
  'a status': { words: ['sh', '-c', 'exit 7'] },
  'a command that is not there': { words: ['no-such'] },
  'a host name': { words: ['--hostname', 'box', 'sh', '-c', show, '/etc/hosts'] },
  'a bind': { words: ['-d', 'file:/etc/passwd', 'sh', '-c', show, '/etc/passwd'] },
  'a bind through an absolute link': { words: ['-d', '.:/srv/absolute', 'sh', '-c', show, '/srv/here/file'] },
  'a bind through a link with many dots': { words: ['-d', 'file:/srv/out/group', 'sh', '-c', show, '/etc/group'] },
  'a bind below /tmp': { words: ['-d', 'file:/tmp/x', 'sh', '-c', show, '/tmp/x'] },
  'a bind through a link to /tmp': { words: ['-d', 'file:/srv/tmp/x', 'sh', '-c', show, '/tmp/x'], node: 'both' },
  'a bind through a link to nothing': { words: ['-d', 'file:/srv/dangling', 'sh', '-c', show, '/nowhere'], node: 'both' },
  'a bind at a file that is a directory': { words: ['-d', 'file:/srv', 'true'], node: 'both' },
  'a bind below a file': { words: ['-d', 'file:/etc/passwd/x', 'true'], node: 'both' },
  // It lacks the file, and only the user's own process can tell whether it can be made.
  'the network': { words: ['-n', 'cat', '/etc/resolv.conf'], node: 'user' },
  'an environment': { words: ['-v', 'A=b', 'env'] },
  'a working directory': { words: ['-p', '/srv/absolute', 'pwd'], node: 'user' },
};

const plannedByDaemon = (): number => daemon.log().split('"event":"run"').length - 1;

describe.each(['root', 'user'] as const)('a run of %s on a directory', (who) => {
  test.each(Object.entries(cases))('%s: the daemon plans it, and it does what the program in Node does', async (_, { words, node }) => {
    const user = users[who];
    const line = ['-t', 'link', ...words];
    const before = plannedByDaemon();
    const result = await runAs(user, line);
    expect(result).toEqual(await runAs(user, line, 'isolate-node'));
    await expect.poll(() => plannedByDaemon() - before).toBe(node === 'both' || node === who ? 0 : 1);
  });
});
