import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compileStatic } from '../rig/compile.ts';
import { isolate, startIsolate } from '../rig/isolate.ts';
import { makeHomes, runAsOddCaller } from '../rig/odd-callers.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const uid = 61_101;
const user = ['user', String(uid)] as const;
type Action = readonly [name: string, value: string];

let caller = '';
let top = '';
let home = '';
let run: readonly string[] = [];
beforeAll(async () => {
  caller = await compileStatic(join(import.meta.dirname, '../rig/caller.c'));
  top = mkdtempSync(join(tmpdir(), 'isolate-odd-'));
  chmodSync(top, 0o755);
  home = join(top, 'home');
  makeHomes(home, uid);
  await addPlainUser(join(home, 'own'), uid, [
    [uid - 1, 10],
    [1_600_000_000, 1000],
    [1_700_000_000, 65_536],
  ]);
  mkdirSync(join(top, 'closed'), { mode: 0o700 });
  run = ['-q', '-t', await busyboxRootfs(join(top, 'template')), '--ephemeral'];
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

/** The status, what was printed, and what was left behind. */
async function outcome(
  actions: readonly Action[],
  environment: Record<string, string>,
  args: readonly string[] = [...run, 'echo', 'ran'],
): Promise<readonly string[]> {
  const mounts: Action[] = ['/run/isolate', '/var/lib/isolate'].map((path) => ['empty', path]);
  const state: Action[] = ['/run/isolate', '/var/lib/isolate', home].map((path) => ['state', path]);
  const { report, stdout, stderr } = await runAsOddCaller(caller, [...mounts, ...state, ...actions], environment, args);
  return [...report, `${stdout}${stderr}`.replaceAll(top, 'TOP')];
}

const ran = ['exited 0', 'ran\n'];
const failed = (message: string, hint: string): readonly string[] => ['exited 125', `isolate: ${message}\nhint: ${hint}\n`];

test.each(['/run/user/0', '/proc/y', '/nonexistent/x', 'relative', '', '/etc', '/dev/null'])(
  'with the XDG_RUNTIME_DIR %j, which does not belong to the caller, a run works as without one',
  async (XDG_RUNTIME_DIR) => {
    expect(await outcome([user], { HOME: join(home, 'own'), XDG_RUNTIME_DIR })).toEqual(ran);
  },
);

test('runs of a user with different values of XDG_RUNTIME_DIR know about each other', async () => {
  const environment = { HOME: join(home, 'own'), XDG_RUNTIME_DIR: join(home, 'own') };
  const first = startIsolate([...run, 'cat'], { environment, uid });
  try {
    first.stdin?.write('started\n');
    await once(first.stdout ?? first, 'data');
    // Its layers would be taken for those of a dead run, and named in a warning as still in use.
    const second = await isolate([...run, 'true'], { environment: { ...environment, XDG_RUNTIME_DIR: '' }, uid });
    expect(second).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  } finally {
    first.stdin?.end();
    await once(first, 'close');
  }
});

test.each([{}, { HOME: '' }, { HOME: 'relative' }])('with the variables %j the home comes from the user database', async (environment) => {
  expect(await outcome([user], environment)).toEqual(ran);
});

test.each([
  ['/proc', '/proc/.local cannot be used: it does not exist and cannot be made.'],
  ['/nonexistent', '/nonexistent cannot be used: permission denied.'],
  ['/dev/null', '/dev/null cannot be used: something else is there.'],
  ['unwritable', 'TOP/home/unwritable/.local cannot be used: permission denied.'],
  ['loop', 'TOP/home/loop/.local/state/isolate/overlay cannot be used: its symbolic links form a loop.'],
  ['local-file', 'TOP/home/local-file/.local cannot be used: something else is there.'],
])('with the home %s the first line names the place, and the hint the variable', async (name, message) => {
  const environment = { HOME: name.startsWith('/') ? name : join(home, name) };
  expect(await outcome([user], environment)).toEqual(failed(message, 'HOME leads there; set it to a directory that you can write to'));
});

test('a home on a read-only file system, or a full one, is named', async () => {
  const place = (name: string): string => join(home, name);
  expect([
    await outcome([['read-only', place('read-only')], user], { HOME: place('read-only') }),
    await outcome([['no-inodes', place('no-inodes')], user], { HOME: place('no-inodes') }),
  ]).toEqual([
    failed(
      'TOP/home/read-only/.local cannot be used: its file system is read-only.',
      'HOME leads there; set it to a directory that you can write to',
    ),
    failed(
      'TOP/home/no-inodes/.local cannot be used: its file system is full.',
      'HOME leads there; set it to a directory that you can write to',
    ),
  ]);
});

test('a home on an overlay, as in a container, is named', async () => {
  const [end, text = ''] = await outcome([['overlay', join(home, 'own')], user], { HOME: join(home, 'own') });
  expect([end, text.replace(/template-[0-9a-f]+/, 'KEY')]).toEqual(
    failed(
      'TOP/home/own/.local/state/isolate/overlay/KEY is on overlay, which cannot hold the layers of a run.',
      'mount ext4, xfs, btrfs or tmpfs there, or set HOME to a directory on one',
    ),
  );
});

test("root's state on a read-only file system is named", async () => {
  expect(await outcome([['read-only', '/run/isolate']], {})).toEqual([
    'exited 125',
    'isolate: /run/isolate/sandbox cannot be used: its file system is read-only.\n',
  ]);
});

test('a user without a name and a home is told to set HOME', async () => {
  expect(await outcome([['user', '61999']], {})).toEqual(
    failed('You have no home directory: HOME names none, and user 61999 has none in /etc/passwd.', 'set HOME to a directory of yours'),
  );
});

test.each<[string, readonly Action[]]>([
  ['with no_new_privs', [user, ['no-new-privs', '']]],
  ['whose bounding set lacks CAP_SYS_ADMIN', [['drop', '21'], user]],
  ['whose bounding set lacks CAP_DAC_OVERRIDE', [['drop', '1'], user]],
])('a caller %s has a single id inside, and nothing is left', async (_, actions) => {
  const args = [...run, 'cat', '/proc/self/uid_map'];
  const [end, ...rest] = await outcome(actions, { HOME: join(home, 'own') }, args);
  expect({ end, rest: rest.map((line) => line.trim().split(/\s+/)) }).toEqual({ end: 'exited 0', rest: [['0', String(uid), '1']] });
});

test('all subordinate ranges are used inside, without the own id', async () => {
  const args = [...run, 'sh', '-c', "awk '{ print $1, $3 }' /proc/self/uid_map; touch /f; chown 65534 /f; stat -c %u /f"];
  expect(await outcome([user], { HOME: join(home, 'own') }, args)).toEqual(['exited 0', '0 1\n1 1\n2 8\n10 1000\n1010 64526\n65534\n']);
});

describe('with subordinate ids alone', () => {
  const base = 1_700_000_000;
  const chosen = ['-q', '-u', `${base}`, '-g', `${base}`];
  const started = (words: readonly string[]): ReturnType<typeof outcome> =>
    outcome([user], { HOME: join(home, 'own'), XDG_RUNTIME_DIR: join(home, 'own') }, [...chosen, '-t', join(top, 'template'), ...words]);

  test.each([[[]], [['--read-only']]])('a run %j works although it cannot enter the directories of the caller', async (how) => {
    expect(await started([...how, 'awk', '{ print $1, $2, $3 }', '/proc/self/uid_map'])).toEqual(['exited 0', `0 ${base} 65536\n`]);
    expect(await started([...how, '-d', `${join(top, 'template/etc/passwd')}:/etc/group`, 'echo', 'ran'])).toEqual(ran);
  });

  test.each([[[]], [['--read-only']]])('a run %j that would have to make a target is refused', async (how) => {
    expect(await started([...how, '-d', '/etc/passwd:/opt/none', 'true'])).toEqual(
      failed(
        '/opt/none is missing in TOP/template, and a sandbox with --uid-base 1700000000 cannot make it.',
        'make it before the run, or leave --uid-base out',
      ),
    );
  });

  test.each([[['--ephemeral']], [['--ephemeral', '--read-only']]])('a run %j is refused with a hint at --read-only', async (how) => {
    expect(await started([...how, 'true'])).toEqual(
      failed(
        '--uid-base cannot be combined with --ephemeral: the sandbox could not reach its clone, which belongs to you.',
        'leave --uid-base out, or use --read-only instead of --ephemeral',
      ),
    );
  });

  test('a run with only --gid-base works on read-only layers', async () => {
    const words = ['-q', '-g', `${base}`, '-t', join(top, 'template'), '--ephemeral', '--read-only', 'echo', 'ran'];
    expect(await outcome([user], { HOME: join(home, 'own') }, words)).toEqual(ran);
  });

  test('a run makes a target in a template that belongs to its ids', async () => {
    const directory = join(top, 'template/opt/of-these-ids');
    mkdirSync(directory);
    chownSync(directory, base + 1, base + 1);
    expect(await started(['-d', '/etc/passwd:/opt/of-these-ids/new', 'ls', '/opt/of-these-ids'])).toEqual(['exited 0', 'new\n']);
  });

  test.each([[[]], [['--read-only']], [['--ephemeral']]])('a run %j with lxc is refused with a hint at bwrap', async (how) => {
    const [end, text = ''] = await started(['-e', 'lxc', ...how, 'true']);
    expect({ end, text: text.split('\n').filter((line) => !line.startsWith('also: ')) }).toEqual({
      end: 'exited 125',
      text: [
        'isolate: The lxc engine supports --uid-base only for root: LXC would have to work in your directories with other ids.',
        'hint: use -e bwrap, or leave --uid-base out',
        '',
      ],
    });
  });
});

test('root without the capabilities for a sandbox is told which ones are missing', async () => {
  expect(
    await outcome(
      [
        ['drop', '6'],
        ['drop', '21'],
      ],
      {},
    ),
  ).toEqual(
    failed(
      'Root lacks the capabilities CAP_SETGID, CAP_SYS_ADMIN here, which isolate needs.',
      'give them to the container or service that isolate runs in, or run isolate as another user, with -t',
    ),
  );
});

test.each(['0', '777'])('the umask %s changes nothing', async (umask) => {
  expect(await outcome([user, ['umask', umask]], { HOME: join(home, 'own') })).toEqual(ran);
});

test.each([
  ['nofile=16', 'open files is 16, and isolate needs at least 256'],
  ['as=500000000', 'memory of a process (KiB) is 488281, and isolate needs at least 1572864'],
  ['data=100000000', 'data of a process (KiB) is 97656, and isolate needs at least 1048576'],
  ['stack=65536', 'stack (KiB) is 64, and isolate needs at least 512'],
  ['fsize=0', 'file sizes (KiB) is 0, and isolate needs at least 64'],
  ['nproc=4', 'processes is 4, and fewer than the 24 that isolate needs are left'],
])('the limit %s is named', async (limit, message) => {
  const advice = 'raise the hard limit where it was set: by a service, a container or limits.conf(5)';
  expect(await outcome([user, ['limit', limit]], { HOME: join(home, 'own') })).toEqual(failed(`The limit of ${message}.`, advice));
});

test.each(['core=0', 'memlock=0', 'nofile=300', 'stack=1048576', 'nproc=60'])('with the limit %s a run works', async (limit) => {
  expect(await outcome([user, ['limit', limit]], { HOME: join(home, 'own') })).toEqual(ran);
});

test('a run works in a removed directory, and paths relative to it are refused', async () => {
  const removed: Action[] = [['removed', join(home, 'gone')], user];
  const environment = { HOME: join(home, 'own') };
  expect(await outcome(removed, environment)).toEqual(ran);
  expect(await outcome(removed, environment, ['-q', '-t', 'template', 'true'])).toEqual(
    failed(
      'The template directory "template" is relative to a working directory that no longer exists.',
      'give an absolute path, or change to a directory that exists',
    ),
  );
  for (const args of [['--version'], ['doctor'], ['completion', 'bash']])
    expect((await outcome(removed, environment, args))[0]).toBe('exited 0');
});

test('doctor reports an unusable home, and newuidmap that gains no rights', async () => {
  const [end, text = ''] = await outcome([user, ['no-new-privs', '']], { HOME: '/proc' }, ['doctor']);
  const lines = text.split('\n').filter((line) => /^\S+ +(?:state|privileges) /.test(line));
  expect({ end, lines: lines.map((line) => line.split(/ {2,}/)) }).toEqual({
    end: 'exited 0',
    lines: [
      ['limited', 'privileges', 'no_new_privs is set, so newuidmap gains no rights and a sandbox has a single id'],
      ['missing', 'state', '/proc cannot be used: permission denied'],
    ],
  });
});

test('a template that the caller may not enter is named', async () => {
  const args = ['-q', '-t', join(top, 'closed'), '--ephemeral', 'true'];
  const [end, text = ''] = await outcome([user], { HOME: join(home, 'own') }, args);
  expect({ end, firstLine: text.split('\n')[0] }).toEqual({
    end: 'exited 125',
    firstLine: 'isolate: You may not enter the template directory TOP/closed.',
  });
});

test('hooks of a user on layers are refused before anything is made', async () => {
  const args = [...run, '--pre-hook', 'true', 'true'];
  expect(await outcome([user], { HOME: join(home, 'own') }, args)).toEqual(
    failed('Hooks of a run with --ephemeral need root.', 'leave --ephemeral or the hooks out'),
  );
});
