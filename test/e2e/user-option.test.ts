import { appendFileSync, chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const user = 54_384;
let scratch: string;
beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'isolate-user-')));
  chmodSync(scratch, 0o755);
  mkdirSync(join(scratch, 'home'));
  chownSync(join(scratch, 'home'), user, user);
  await addPlainUser(join(scratch, 'home'), user);
  mkdirSync(join(scratch, 'private'), { mode: 0o700 });
  for (const root of [await busyboxRootfs(join(scratch, 'private/template')), await busyboxRootfs(join(scratch, 'template'))]) {
    appendFileSync(
      join(root, 'etc/passwd'),
      'no line\nweb:x:33:34:Web,,:/srv/web:/bin/websh\n55:x:66:66::/num:/bin/sh\n33:x:0:0::/:/bin/sh\nodd:x:77:77::home:\n',
    );
    writeFileSync(
      join(root, 'etc/group'),
      'root:x:0:\nweb:x:34:\nadm:x:4:syslog,web\n9:x:99:\nagain:x:4:web\nlog:x:5:web\nbroken\nother:x:6:webb,we\n',
    );
  }
  writeFileSync(join(scratch, 'passwd'), 'bound:x:12:13::/bound:/bin/bound\n');
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** Not by id(1), which reads the same files. */
const report = 'echo $HOME $USER $LOGNAME $SHELL; grep -E "^(Uid|Gid|Groups|CapEff|CapInh|CapPrm|CapAmb):" /proc/self/status';
const four = (id: number): string => [id, id, id, id].join('\t');
const reported = (uid: number, gid: number, groups: string, variables: string) => ({
  status: 0,
  stderr: '',
  stdout:
    `${variables}\nUid:\t${four(uid)}\nGid:\t${four(gid)}\nGroups:\t${groups} \n` +
    ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((name) => `${name}:\t0000000000000000\n`).join(''),
});

describe.each([
  ['bwrap', 'root', ['--ephemeral']],
  ['lxc', 'root', ['--ephemeral']],
  ['bwrap', 'a user', ['--ephemeral']],
  ['lxc', 'a user', ['--ephemeral']],
  ['chroot', 'root', []],
])('with %s, by %s', (engine, who, how) => {
  const start = async (...words: string[]) => {
    const template = join(scratch, engine === 'chroot' ? 'private/template' : 'template');
    const caller = who === 'root' ? {} : { uid: user, environment: { HOME: join(scratch, 'home') } };
    const { status, stdout, stderr } = await isolate(['-q', '-e', engine, '-t', template, ...how, ...words], { ...caller, cwd: scratch });
    return { status, stdout, stderr };
  };

  test.each([
    ['web', 33, 34, '4 5', '/srv/web web web /bin/websh'],
    ['33', 33, 34, '4 5', '/srv/web web web /bin/websh'],
    ['web:adm', 33, 4, '4 5', '/srv/web web web /bin/websh'],
    ['web:7', 33, 7, '4 5', '/srv/web web web /bin/websh'],
    ['web:9', 33, 9, '4 5', '/srv/web web web /bin/websh'],
    ['66', 66, 66, '', '/num 55 55 /bin/sh'],
    ['55:66', 55, 66, '', '/ 55 55 /bin/sh'],
    ['odd', 77, 77, '', '/ odd odd /bin/sh'],
    ['1234:4', 1234, 4, '', '/ 1234 1234 /bin/sh'],
  ])('--user %s gives the ids, groups and variables of that user, and no capabilities', async (name, uid, gid, groups, variables) => {
    expect(await start('--user', name, 'sh', '-c', report)).toEqual(reported(uid, gid, groups, variables));
  });

  test('-v overrides the variables of the user, and the caller has no influence', async () => {
    const words = ['-v', 'HOME=/mine', '-v', 'USER=me', 'sh', '-c', 'echo $HOME $USER $LOGNAME'];
    expect(await start('--user', 'web', ...words)).toEqual({ status: 0, stdout: '/mine me web\n', stderr: '' });
  });

  test('a time limit ends its command, and its end is reported, as for root', async () => {
    expect((await start('--user', 'web', '--timeout', '0.3', '--kill-after', '0.3', 'sleep', '60')).status).toBe(124);
    expect((await start('--user', 'web', 'sh', '-c', 'kill -KILL $$')).status).toBe(137);
    expect((await start('--user', 'web', 'sh', '-c', 'exit 7')).status).toBe(7);
    expect((await start('--user', 'web', 'no-such-command')).status).toBe(127);
  });

  test('a file bound over /etc/passwd is the one that counts', async () => {
    const words = ['-d', 'passwd:/etc/passwd:ro', '--user', 'bound', 'sh', '-c', 'id -u; echo $HOME'];
    expect(await start(...words)).toEqual({ status: 0, stdout: '12\n/bound\n', stderr: '' });
  });

  test.each([
    ['nobody-at-all', 'is not in /etc/passwd of the sandbox'],
    ['1234', 'needs a group as well, because /etc/passwd of the sandbox does not have this uid'],
    ['55', 'needs a group as well, because /etc/passwd of the sandbox does not have this uid'],
    ['web:none', 'has a group that is not in /etc/group of the sandbox'],
    ['4294967295:4', 'is not in /etc/passwd of the sandbox'],
  ])('--user %s is refused in one line, and nothing runs', async (name, why) => {
    expect(await start('--user', name, 'echo', 'ran')).toEqual({
      status: 125,
      stdout: '',
      stderr: `isolate: The user ${name} ${why}.\n`,
    });
  });

  test('invalid account files do no harm', async () => {
    const words = ['-d', '/dev/zero:/etc/passwd', '-d', '/dev/zero:/etc/group', '--user'];
    if (engine === 'chroot') return;
    expect((await start(...words, 'web', 'true')).status).toBe(125);
    expect(await start(...words, '33:34', 'grep', 'Uid:', '/proc/self/status')).toMatchObject({ status: 0, stdout: `Uid:\t${four(33)}\n` });
  });
});

test('in a sandbox with a single id --user can only be root', async () => {
  const alone = 54_385;
  mkdirSync(join(scratch, 'alone'));
  chownSync(join(scratch, 'alone'), alone, alone);
  const caller = { uid: alone, environment: { HOME: join(scratch, 'alone') } };
  const words = ['-q', '-t', join(scratch, 'template'), '--ephemeral', '--user'];
  expect(await isolate([...words, 'web', 'true'], caller)).toMatchObject({
    status: 125,
    stderr: 'isolate: The user web needs ids that the sandbox does not have.\n',
  });
  expect(await isolate([...words, 'root', 'id', '-u'], caller)).toMatchObject({ status: 0, stdout: '0\n', stderr: '' });
});

test.each(['', ':', 'a:', ':b', '-x', 'a b', 'a:b:c', '../a', 'a\nb'])('--user %j is refused before anything starts', async (name) => {
  const { status, stderr } = await isolate(['-t', join(scratch, 'template'), '--ephemeral', '--user', name, 'true']);
  expect({ status, stderr }).toEqual({
    status: 125,
    stderr: `isolate: --user takes a name or number, optionally with a colon and a group, not ${JSON.stringify(name).replaceAll('\\n', String.raw`\n`)}.\n`,
  });
});
