import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { mountScratch, tool } from '../rig/disk.ts';
import { type Finished, isolate, startIsolate } from '../rig/isolate.ts';
import { loseState } from '../rig/lost-state.ts';
import { addMember, type Member, runAs, startAs } from '../rig/members.ts';
import { hostStore, useOwnState } from '../rig/own-store.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

useOwnState();

const state = '/var/lib/isolate';
let directory: string;
let member: Member;

beforeAll(async () => {
  member = await addMember(54_121, { groups: [], subordinate: 1_600_000_000 });
  directory = mkdtempSync('/tmp/isolate-lost-');
  chmodSync(directory, 0o755);
  for (const type of ['btrfs', 'xfs'] as const) {
    const disk = join(directory, type);
    mkdirSync(disk);
    await mountScratch(type, join(directory, `${type}.image`), disk);
  }
  await busyboxRootfs(makeDirectory('plain'));
  await makeSubvolume('btrfs/root');
  await busyboxRootfs(makeDirectory('xfs/root'));
  // A user's clones are beside the template, in a directory of the user's.
  chownSync(makeDirectory('btrfs/users'), member.uid, member.uid);
  await makeSubvolume('btrfs/users/root');
  await tool('/bin/chown', '-R', `${member.uid}:${member.uid}`, join(directory, 'btrfs/users/root'));
}, 60_000);
afterAll(async () => {
  await tool('/bin/umount', join(directory, 'btrfs'));
  await tool('/bin/umount', join(directory, 'xfs'));
  rmSync(directory, { recursive: true });
});

function makeDirectory(name: string): string {
  mkdirSync(join(directory, name));
  return join(directory, name);
}

async function makeSubvolume(name: string): Promise<void> {
  await tool('/bin/btrfs', '--quiet', 'subvolume', 'create', join(directory, name));
  await busyboxRootfs(join(directory, name));
}

const done = (stdout = '') => ({ status: 0, signal: null, stdout, stderr: expect.any(String) });

interface Caller {
  readonly name: string;
  readonly run: (args: readonly string[]) => Promise<Finished>;
  readonly start: (args: readonly string[]) => ReturnType<typeof startIsolate>;
  readonly state: () => string;
  readonly uid: number;
  /** Templates with what makes their clones. */
  readonly roots: readonly (readonly [path: string, storage: string])[];
}

const callers: readonly Caller[] = [
  {
    name: 'root',
    run: (args) => isolate(args),
    start: startIsolate,
    state: () => state,
    uid: 0,
    roots: [
      ['plain', 'overlay'],
      ['btrfs/root', 'btrfs'],
      ['btrfs/root', 'overlay'],
      ['xfs/root', 'dir'],
    ],
  },
  {
    name: 'a user',
    run: (args) => runAs(member, args),
    start: (args) => startAs(member, args),
    state: () => join(member.home, '.local/state/isolate'),
    uid: 54_121,
    roots: [
      ['plain', 'overlay'],
      ['btrfs/users/root', 'btrfs'],
    ],
  },
];

describe.each(callers)('$name', ({ run, start, state: ownState, uid, roots }) => {
  const on = ([path, storage]: readonly [string, string]) => ['-t', join(directory, path), '--ephemeral', '--storage', storage];
  const sessions = async (): Promise<readonly Record<string, unknown>[]> =>
    (JSON.parse((await run(['sessions', '--json'])).stdout) as { sessions: Record<string, unknown>[] }).sessions;
  const named = async () => (await sessions()).map(({ sizeBytes: _size, ...session }) => session);
  const lose = async (): Promise<void> => {
    if (existsSync('/run/isolate')) await loseState();
    for (const name of ['sessions', 'pools']) rmSync(join(ownState(), name), { recursive: true, force: true });
  };

  test('finds every session again after /run and all names were lost, as it was, and nothing else', async () => {
    for (const [index, root] of roots.entries()) {
      expect(await run([`--keep=kept-${index}`, ...on(root), 'sh', '-c', `echo ${index} > /mine`])).toEqual(done());
      // Beside it is a clone that is thrown away, and one whose run has ended.
      expect(await run([...on(root), 'true'])).toEqual(done());
    }
    expect(await run(['enter', 'kept-1', 'cat', '/mine'])).toEqual(done('1\n'));
    const before = await named();
    expect(before.map(({ name, uid: owner, command }) => ({ name, owner, command }))).toEqual(
      roots.map((_root, index) => ({
        name: `kept-${index}`,
        owner: uid,
        command: index === 1 ? ['cat', '/mine'] : ['sh', '-c', `echo ${index} > /mine`],
      })),
    );
    await lose();
    // A copy of a session is none.
    const overlays = readdirSync(join(ownState(), 'overlay')).find((name) => name.startsWith('plain-')) ?? '';
    const place = join(ownState(), 'overlay', overlays);
    const id = readdirSync(place).find((name) => /^\d+$/.test(name)) ?? '';
    for (const copy of ['1', `${id}.gone`]) await tool('/bin/cp', '-a', join(place, id), join(place, copy));
    expect(await named()).toEqual(before);
    for (const copy of ['1', `${id}.gone`]) rmSync(join(place, copy), { recursive: true });
    for (const index of roots.keys()) {
      expect(await run(['enter', `kept-${index}`, 'cat', '/mine'])).toEqual(done(`${index}\n`));
      expect(await run(['rm', `kept-${index}`])).toEqual(done(`kept-${index} is removed\n`));
    }
    expect(await sessions()).toEqual([]);
  });

  test('enters a session whose name was lost without listing them first', async () => {
    for (const root of roots) {
      expect(await run(['--keep=one', ...on(root), 'sh', '-c', 'echo here > /mine'])).toEqual(done());
      await lose();
      expect(await run(['enter', 'two', 'true'])).toMatchObject({ status: 125, stderr: expect.stringContaining('There is no session') });
      expect(await run(['enter', 'one', 'cat', '/mine'])).toEqual(done('here\n'));
      await lose();
      expect(await run(['rm', 'one'])).toEqual(done('one is removed\n'));
    }
  });

  test('finds a session whose run was killed after its name was lost', async () => {
    for (const root of roots) {
      const child = start(['--keep=killed', ...on(root), 'sh', '-c', 'echo here > /mine; sync; echo in; exec sleep 600']);
      await once(child.stdout as Readable, 'data');
      rmSync(join(ownState(), 'sessions'), { recursive: true });
      // What a living run has is in order.
      expect(await sessions()).toEqual([]);
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await expect.poll(async () => (await sessions()).map(({ name }) => name)).toEqual(['killed']);
      // The mounts of the killed run may outlive it for a moment.
      await expect.poll(() => run(['enter', 'killed', 'cat', '/mine'])).toEqual(done('here\n'));
      expect(await run(['rm', 'killed'])).toEqual(done('killed is removed\n'));
    }
  });

  test('destroys what killed runs left, and no session, and then removes the places', async () => {
    for (const root of roots) {
      const child = start([...on(root), 'sh', '-c', 'echo in; exec sleep 600']);
      await once(child.stdout as Readable, 'data');
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    const [first = ['', '']] = roots;
    expect(await run(['--keep=one', ...on(first), 'sh', '-c', 'echo here > /mine'])).toEqual(done());
    await lose();
    const all = ['refresh', '--force', '--skip-create', '--all'] as const;
    await expect.poll(() => run([...all, '--json'])).toMatchObject({ status: 0, stderr: '' });
    expect((await run(['sessions'])).stdout).toMatch(/^one /m);
    expect(await run(['enter', 'one', 'cat', '/mine'])).toEqual(done('here\n'));
    expect(await run(['rm', 'one'])).toEqual(done('one is removed\n'));
    const cleanUp = async () => {
      const { status, stderr } = await run(all);
      const places = readdirSync(ownState()).filter((name) => ['overlay', 'btrfs', 'dir'].includes(name));
      const beside = ['btrfs', 'btrfs/users', 'xfs'].flatMap((name) =>
        readdirSync(join(directory, name)).filter((one) => one.endsWith(uid === 0 ? '.clones' : `.clones-${uid}`)),
      );
      return { status, stderr, places, beside };
    };
    await expect.poll(cleanUp).toEqual({ status: 0, stderr: '', places: [], beside: [] });
    // A run makes them again.
    for (const root of roots) expect(await run([...on(root), 'echo', 'again'])).toEqual(done('again\n'));
  });
});

test('a template is not removed under a session whose name was lost', async () => {
  mkdirSync(hostStore, { mode: 0o700, recursive: true });
  const stored = await busyboxRootfs(join(hostStore, 'stored'));
  expect(await isolate(['--keep=on', '-t', stored, '--ephemeral', 'true'])).toEqual(done());
  rmSync(join(state, 'sessions'), { recursive: true });
  expect(await isolate(['template', 'remove', stored])).toMatchObject({
    status: 1,
    stderr: `isolate: A session is on ${stored}: on.\nhint: isolate rm on removes it\n`,
  });
  expect(await isolate(['rm', 'on'])).toEqual(done('on is removed\n'));
});

test('--all is refused for one template, and without --skip-create', async () => {
  expect(await isolate(['refresh', '--all'])).toMatchObject({ status: 2, stderr: expect.stringContaining('--all needs --skip-create') });
  expect(await isolate(['refresh', '--all', '-s', 'tank/t'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('for no single template'),
  });
});
