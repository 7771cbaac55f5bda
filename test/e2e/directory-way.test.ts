import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { templateKey } from '../../src/pool/paths.ts';
import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

const users: Record<'root' | 'user', Member> = {
  root: { uid: 0, name: 'root', home: mkdtempSync(join(tmpdir(), 'isolate-own-')), groups: [] },
  user: { uid: 54_421, name: '', home: '', groups: [] },
};
let daemon: Daemon;
beforeAll(async () => {
  users.user = await addMember(users.user.uid);
  await addMemberGroup();
  for (const { uid, home } of Object.values(users)) {
    const root = join(home, 'root');
    await copyRootfs(await busyboxRootfs(), root);
    mkdirSync(join(root, 'srv/here'), { recursive: true });
    symlinkSync('/srv/here', join(root, 'srv/absolute'));
    symlinkSync('../../../../../etc', join(root, 'srv/out'));
    symlinkSync('/nowhere', join(root, 'srv/dangling'));
    symlinkSync('/tmp', join(root, 'srv/tmp'));
    mkdirSync(Buffer.from(`${root}/srv/\xff`, 'latin1'));
    symlinkSync(Buffer.from('/srv/\xff', 'latin1'), join(root, 'srv/bytes'));
    symlinkSync(root, join(home, 'link'));
    writeFileSync(join(home, 'file'), 'bound\n');
    execFileSync('chown', ['-hR', `${uid}:${uid}`, home]);
    chmodSync(home, 0o700);
  }
  daemon = await startDaemon('');
}, 300_000);
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
  'a bind through a link to a name that is no text': { words: ['-d', 'file:/srv/bytes/x', 'sh', '-c', show, '/srv/bytes/x'], node: 'both' },
  'a bind at a file that is a directory': { words: ['-d', 'file:/srv', 'true'], node: 'both' },
  'a bind below a file': { words: ['-d', 'file:/etc/passwd/x', 'true'], node: 'both' },
  // It lacks the file, and only the user's own process can tell whether it can be made.
  'the network': { words: ['-n', 'cat', '/etc/resolv.conf'], node: 'user' },
  'an environment': { words: ['-v', 'A=b', 'env'] },
  'a working directory': { words: ['-p', '/srv/absolute', 'pwd'], node: 'user' },
};

/** Of a run that comes as far as a plan; the program in Node does the others. */
async function wayOf(user: Member, line: readonly string[]): Promise<string> {
  const [first = '', ...rest] = line;
  const traced = first === 'enter' ? ['enter', '-x', ...rest] : ['-x', ...line];
  return /^\+ way: (.*)$/m.exec((await runAs(user, traced)).stderr)?.[1] ?? 'node';
}

describe.each(['root', 'user'] as const)('a run of %s on a directory', (who) => {
  test.each(Object.entries(cases))('%s: the daemon plans it, and it does what the program in Node does', async (_, { words, node }) => {
    const user = users[who];
    const line = ['-t', 'link', ...words];
    // A run that works makes what is missing, and the next one finds it.
    const way = await wayOf(user, line);
    const result = await runAs(user, line);
    expect(result).toEqual(await runAs(user, line, 'isolate-node'));
    expect(way).toBe(node === 'both' || node === who ? 'node' : 'daemon');
  });

  describe('below a throw-away layer', () => {
    const state = (): string => (who === 'root' ? '/var/lib/isolate' : join(users.user.home, '.local/state/isolate'));
    const leases = (): string =>
      join(who === 'root' ? '/run/isolate' : state(), 'pools', templateKey(join(users[who].home, 'root')), 'leased');
    const layers = (): string[] => {
      const overlay = join(state(), 'overlay');
      const key = readdirSync(overlay).find((name) => name.startsWith('root-') && isOf(join(overlay, name), users[who]));
      return readdirSync(join(overlay, key ?? '')).filter((name) => name !== 'template');
    };
    const left = (): object => ({ layers: layers(), leases: readdirSync(leases()) });
    const line = (...command: string[]): string[] => ['-t', 'link', '--ephemeral', ...command];
    // The first one of a template makes all that it needs.
    beforeAll(async () => {
      expect((await runAs(users[who], line('true'))).status).toBe(0);
    });

    /** Each case that the daemon plans, on the command line that `lineOf` makes of its words; `after` is looked at behind the last run. */
    function planned(lineOf: (...words: string[]) => string[], after: () => void): void {
      test.each(Object.entries(cases).filter(([, { node }]) => node !== 'both'))(
        '%s: the daemon plans it, and it does what the program in Node does',
        async (name, { words }) => {
          const user = users[who];
          const result = await runAs(user, lineOf(...words));
          expect(result).toEqual(await runAs(user, lineOf(...words), 'isolate-node'));
          const isForNode = who === 'user' && name === 'a working directory';
          expect(await wayOf(user, lineOf(...words))).toBe(isForNode ? 'node' : 'daemon');
          after();
        },
      );
    }

    planned(line, () => expect(left()).toEqual({ layers: [], leases: [] }));

    test('a home with a name too long for a path is left to the program in Node', async () => {
      const user = { ...users[who], environment: { HOME: `/${'h'.repeat(5000)}` } };
      expect(await runAs(user, line('true'))).toEqual(await runAs(user, line('true'), 'isolate-node'));
    });

    test('its changes are gone after it, even a tree with other ids', async () => {
      const script =
        'mkdir -p /srv/a/b && echo new >/srv/a/b/c && chown -R 5:6 /srv/a && rm /etc/passwd && ls /srv/a/b; test -e /etc/passwd; echo $?';
      expect(await runAs(users[who], line('sh', '-c', script))).toEqual({ status: 0, signal: null, stdout: 'c\n1\n', stderr: '' });
      expect(left()).toEqual({ layers: [], leases: [] });
      expect({ made: existsSync(join(users[who].home, 'root/srv/a')), kept: existsSync(join(users[who].home, 'root/etc/passwd')) }).toEqual(
        {
          made: false,
          kept: true,
        },
      );
    });

    test('beside a session of the directory, which stays, the daemon plans it', async () => {
      expect((await runAs(users[who], ['-q', '--keep=beside', ...line('true')])).status).toBe(0);
      const kept = layers();
      expect({ kept: kept.length, way: await wayOf(users[who], line('true')), left: left() }).toEqual({
        kept: 1,
        way: 'daemon',
        left: { layers: kept, leases: [] },
      });
      expect((await runAs(users[who], ['rm', '-q', 'beside'])).status).toBe(0);
      expect(left()).toEqual({ layers: [], leases: [] });
    });

    describe('in a session', () => {
      const enter = (...command: string[]): string[] => ['enter', 'again', ...command];
      const leased = (): number => readdirSync(leases()).length;
      const listed = async () =>
        (JSON.parse((await runAs(users[who], ['sessions', '--json'])).stdout) as { sessions: { name: string; command: string[] }[] })
          .sessions;
      beforeAll(async () => {
        expect((await runAs(users[who], ['-q', '--keep=again', ...line('sh', '-c', 'echo first >/srv/mine')])).status).toBe(0);
      });
      afterAll(async () => {
        expect((await runAs(users[who], ['rm', '-q', 'again'])).status).toBe(0);
      });

      planned(enter, () => expect(leased()).toBe(0));

      test('goes on where the last run ended, and says which that was', async () => {
        const user = users[who];
        const script = 'cat /srv/mine; echo second >>/srv/mine';
        expect(await runAs(user, enter('sh', '-c', script))).toEqual({ status: 0, signal: null, stdout: 'first\n', stderr: '' });
        expect((await runAs(user, enter('cat', '/srv/mine'), 'isolate-node')).stdout).toBe('first\nsecond\n');
        expect((await runAs(user, enter('tail', '-n1', '/srv/mine'))).stdout).toBe('second\n');
        expect((await listed()).map(({ name, command }) => [name, command])).toEqual([['again', ['tail', '-n1', '/srv/mine']]]);
      });

      test('is alone in it, and can be joined', async () => {
        const user = users[who];
        const child = startAs(user, enter('sh', '-c', 'echo; exec cat'));
        await once(child.stdout!, 'data');
        for (const program of ['isolate', 'isolate-node'] as const) {
          expect(await runAs(user, enter('true'), program)).toMatchObject({
            status: 125,
            stderr: expect.stringContaining(`The session is in use by process ${child.pid}.`),
          });
        }
        expect((await runAs(user, ['exec', 'again', 'cat', '/srv/mine'])).stdout).toContain('first\n');
        child.stdin?.end();
        await once(child, 'close');
        expect(leased()).toBe(0);
      });

      test('one of many at once has it, and the others are told', async () => {
        const user = users[who];
        const all = await Promise.all(Array.from({ length: 8 }, () => runAs(user, enter('sh', '-c', 'echo ran; sleep 0.2'))));
        const ran = all.filter(({ stdout }) => stdout === 'ran\n');
        const refused = all.filter(
          ({ status, stderr }) => status === 125 && /^isolate: The session (?:is in use|has just been taken)/.test(stderr),
        );
        expect({ some: ran.length > 0, sum: ran.length + refused.length }).toEqual({ some: true, sum: all.length });
        expect(leased()).toBe(0);
      });

      test('is there after its run was killed, which the program in Node sees to', async () => {
        const user = users[who];
        const child = startAs(user, enter('sh', '-c', 'echo third >>/srv/mine; echo; exec sleep 600'));
        await once(child.stdout!, 'data');
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
        expect(leased()).toBe(1);
        expect(await wayOf(user, enter('true'))).toBe('node');
        // The mounts of the killed run may outlive it for a moment.
        await expect.poll(async () => (await runAs(user, enter('tail', '-n1', '/srv/mine'))).stdout).toBe('third\n');
        expect({ leased: leased(), way: await wayOf(user, enter('true')) }).toEqual({ leased: 0, way: 'daemon' });
      });

      test('a clone that is not the one of the session is left to the program in Node', async () => {
        const user = users[who];
        const kept = join(leases(), '../kept');
        const [id = ''] = readdirSync(kept);
        const text = readFileSync(join(kept, id), 'utf8');
        writeFileSync(join(kept, id), text.replace(/"guid":"[^"]*"/, '"guid":"other"'));
        expect(await wayOf(user, enter('true'))).toBe('node');
        writeFileSync(join(kept, id), text);
        expect(await wayOf(user, enter('true'))).toBe('daemon');
      });
    });

    test('what a killed run left is removed by the next one, which the program in Node does', async () => {
      const child = startAs(users[who], line('sh', '-c', 'echo; exec sleep 600'));
      await once(child.stdout!, 'data');
      const closed = once(child, 'close');
      const living = { layers: layers().length, leases: readdirSync(leases()).length };
      child.kill('SIGKILL');
      await closed;
      expect(living).toEqual({ layers: 1, leases: 1 });
      // As long as something of it is left, also by its mounts that outlive it for a moment.
      await expect
        .poll(async () => ({ way: await wayOf(users[who], line('true')), left: left() }))
        .toEqual({ way: 'node', left: { layers: [], leases: [] } });
    });
  });
});

test('the daemon serves as many runs of a user as it may have clones, and the program in Node does the others', async () => {
  const changes = (): number => daemon.log().split('The settings have changed').length - 1;
  const configure = async (text: string): Promise<void> => {
    const before = changes();
    await writeConfig(text);
    await expect.poll(changes, { timeout: 20_000 }).toBeGreaterThan(before);
  };
  await configure(`[limits.users.${users.user.name}]\nleases = 1\n`);
  const child = startAs(users.user, ['-q', '-t', 'link', 'sh', '-c', 'echo; exec sleep 600']);
  await once(child.stdout!, 'data');
  const second = ['-q', '-t', 'link', 'echo', 'second'];
  expect(await runAs(users.user, second)).toEqual({ status: 0, signal: null, stdout: 'second\n', stderr: '' });
  expect(await wayOf(users.user, second)).toBe('node');
  child.kill('SIGTERM');
  await once(child, 'close');
  await expect.poll(() => wayOf(users.user, second)).toBe('daemon');
  await configure('');
});

function isOf(directory: string, { home }: Member): boolean {
  return readFileSync(join(directory, 'template'), 'utf8') === `${join(home, 'root')}\n`;
}
