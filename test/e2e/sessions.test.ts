import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { finished, type Finished, isolate, startIsolate } from '../rig/isolate.ts';
import { loseState } from '../rig/lost-state.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { hostStore, useOwnState } from '../rig/own-store.ts';
import { refreshUntilFree } from '../rig/refresher.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

useOwnState();

let template: ZfsTemplate;
let daemon: Daemon;
let directory: string;
let stored: string;
let member: Member;
let other: Member;

beforeAll(async () => {
  member = await addMember(54_111, { subordinate: 1_600_000_000 });
  other = await addMember(54_112, { subordinate: 1_700_000_000 });
  await addMemberGroup();
  template = await makeZfsTemplate();
  directory = await busyboxRootfs(mkdtempSync('/tmp/isolate-sessions-'));
  await writeConfig(`[templates."${template.dataset}"]\ncount = 3\nusers = ["*"]\n[limits]\nsessions = 3\n`);
  chmodSync(directory, 0o755);
  mkdirSync(hostStore, { mode: 0o700 });
  stored = await busyboxRootfs(join(hostStore, 'stored'));
  daemon = await startDaemon();
}, 300_000);
afterAll(async () => {
  await daemon.end();
  rmSync(directory, { recursive: true });
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
}, 300_000);

const done = (stdout = '') => ({ status: 0, signal: null, stdout, stderr: expect.any(String) });

interface Caller {
  readonly name: string;
  readonly run: (...args: readonly string[]) => Promise<Finished>;
  readonly root: () => readonly string[];
}

const callers: readonly Caller[] = [
  { name: 'root on a dataset', run: (...args) => isolate(args), root: () => ['-z', template.dataset] },
  { name: 'a member on a dataset', run: (...args) => runAs(member, args), root: () => ['-z', template.dataset] },
  { name: 'root on a directory', run: (...args) => isolate(args), root: () => ['-t', directory, '--ephemeral'] },
  { name: 'a user on a directory', run: (...args) => runAs(member, args), root: () => ['-t', directory, '--ephemeral'] },
];

describe.each(callers)('$name', ({ run, root }) => {
  const sessions = async (): Promise<readonly Record<string, unknown>[]> =>
    (JSON.parse((await run('sessions', '--json')).stdout) as { sessions: Record<string, unknown>[] }).sessions;

  test('keeps the root of a run, and goes on in it', async () => {
    expect(await run('--keep=one', ...root(), 'sh', '-c', 'echo first > /mine')).toEqual({
      ...done(),
      stderr: 'isolate: This root is kept as one: isolate enter one\n',
    });
    expect(await run('enter', 'one', 'sh', '-c', 'cat /mine; echo second >> /mine')).toEqual({ ...done('first\n'), stderr: '' });
    expect(await run('enter', '-e', 'lxc', 'one', 'cat', '/mine')).toEqual(done('first\nsecond\n'));
    expect(await sessions()).toMatchObject([
      { name: 'one', command: ['cat', '/mine'], engine: 'lxc', inUse: false, sizeBytes: expect.any(Number) },
    ]);
    expect(await run('rename', 'one', 'two')).toEqual(done('one is now called two\n'));
    expect(await run('enter', 'one', 'true')).toMatchObject({ status: 125, stderr: expect.stringContaining('There is no session "one".') });
    expect(await run('enter', 'two', 'cat', '/mine')).toEqual(done('first\nsecond\n'));
    expect(await run('rm', 'two')).toEqual(done('two is removed\n'));
    expect(await sessions()).toEqual([]);
  });

  test('keeps the root of a run that failed, and only of such a run', async () => {
    expect(await run('--keep-on-failure=bad', ...root(), 'sh', '-c', 'exit 3')).toMatchObject({
      status: 3,
      stderr: 'isolate: This root is kept as bad: isolate enter bad\n',
    });
    expect(await run('--keep-on-failure=good', ...root(), 'true')).toEqual({ ...done(), stderr: '' });
    // The daemon may hear of the next command before it hears of the end of the run.
    await expect.poll(async () => (await sessions()).map(({ name }) => name)).toEqual(['bad']);
    expect(await run('rm', 'bad')).toEqual(done('bad is removed\n'));
  });

  test('finds a name for a session that was given none', async () => {
    expect(await run('--keep', ...root(), 'true')).toEqual(done());
    const [{ name }] = (await sessions()) as [{ name: string }];
    expect(name).toMatch(/-1$/);
    expect(await run('rm', name)).toEqual(done(`${name} is removed\n`));
  });

  test('is refused a name that is in use, and starts nothing', async () => {
    expect(await run('--keep=same', ...root(), 'true')).toEqual(done());
    expect(await run('--keep=same', ...root(), 'echo', 'started')).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining('There is already a session same.'),
    });
    expect(await run('rm', 'same')).toEqual(done('same is removed\n'));
  });
});

/** A session of the member, to be removed. */
async function keptByMember(name: string, ...command: readonly string[]): Promise<void> {
  expect(await runAs(member, [`--keep=${name}`, '-z', template.dataset, ...command])).toEqual(done());
}

test("a member can neither see nor use nor guess another user's session", async () => {
  await keptByMember('private', 'true');
  const missing = { status: 125, stdout: '', stderr: 'isolate: There is no session "private".\nhint: isolate sessions lists yours\n' };
  expect(await runAs(other, ['sessions', '--json'])).toEqual({ ...done('{"sessions":[]}\n'), stderr: '' });
  expect(await runAs(other, ['enter', 'private', 'true'])).toMatchObject(missing);
  for (const verb of [
    ['rm', 'private'],
    ['rename', 'private', 'mine'],
    ['diff', 'private'],
  ]) {
    expect(await runAs(other, verb)).toMatchObject({ ...missing, status: verb[0] === 'diff' ? 2 : 1 });
  }
  expect(await runAs(other, ['--keep=private', '-z', template.dataset, 'true'])).toEqual(done());
  expect(await runAs(other, ['rm', 'private'])).toEqual(done('private is removed\n'));
  expect(await runAs(other, ['sessions', '--all'])).toMatchObject({ status: 1, stderr: expect.stringContaining('Only root lists') });
  expect(await runAs(other, ['rm', '--owner', member.name, 'private'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('Only root'),
  });
  expect((await isolate(['sessions', '--all'])).stdout).toMatch(/^private +plain54111 /m);
  expect(await isolate(['rm', '--owner', member.name, 'private'])).toEqual(done('private is removed\n'));
});

test('two runs are not in one session at once', async () => {
  await keptByMember('busy', 'true');
  const child = startAs(member, ['enter', 'busy', 'sh', '-c', 'echo in; exec cat']);
  await once(child.stdout as Readable, 'data');
  expect(await runAs(member, ['enter', 'busy', 'true'])).toMatchObject({
    status: 125,
    stderr: expect.stringMatching(/^isolate: The session is in use by process \d+\.\nhint: /),
  });
  expect(await runAs(member, ['rm', 'busy'])).toMatchObject({ status: 1, stderr: expect.stringContaining('is in use') });
  expect((await runAs(member, ['sessions'])).stdout).toMatch(/^busy .* now /m);
  // Whatever it is called by now, the run in it is found.
  expect(await runAs(member, ['rename', 'busy', 'renamed'])).toEqual(done('busy is now called renamed\n'));
  expect(await runAs(member, ['exec', 'renamed', 'echo', 'found'])).toEqual(done('found\n'));
  expect(await runAs(member, ['exec', 'busy', 'true'])).toMatchObject({ status: 125, stderr: expect.stringContaining('There is no run') });
  expect(await runAs(member, ['rename', 'renamed', 'busy'])).toEqual(done('renamed is now called busy\n'));
  child.stdin?.end();
  await once(child, 'close');
  await expect.poll(() => runAs(member, ['rm', 'busy'])).toEqual(done('busy is removed\n'));
});

describe.each<[string, (args: readonly string[]) => ChildProcess, (args: readonly string[]) => Promise<Finished>, () => string[]]>([
  ['root', startIsolate, isolate, () => ['-t', directory, '--ephemeral']],
  ['a member', (args) => startAs(member, args), (args) => runAs(member, args), () => ['-z', template.dataset]],
])('enter --shared of %s', (_, start, run, root) => {
  const enter = ['enter', '--shared', '-q', 'shared'];
  beforeAll(async () => {
    expect(await run(['-q', '--keep=shared', ...root(), 'true'])).toEqual(done());
  });
  afterAll(async () => {
    await vi.waitUntil(async () => (await run(['rm', '-q', 'shared'])).status === 0, { timeout: 60_000 });
  });

  test('starts a run in a session that none uses, with all options of a run', async () => {
    expect(await run([...enter, '--hostname', 'box', 'sh', '-c', 'hostname; exit 3'])).toEqual({ ...done('box\n'), status: 3 });
  });

  test('joins the run that uses it, and ends with it', async () => {
    const child = start([...enter, 'sh', '-c', 'echo in; exec cat']);
    await once(child.stdout as Readable, 'data');
    expect(await run([...enter, '-v', 'A=b', 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline | grep -c .; echo $A; exit 4'])).toMatchObject({
      status: 4,
      stdout: '1\nb\n',
    });
    const joined = start([...enter, 'sh', '-c', 'echo in; exec sleep 600']);
    await once(joined.stdout as Readable, 'data');
    expect(await run([...enter, '--tmpfs', '/tmp', 'true'])).toEqual({
      ...done(),
      status: 125,
      stderr: expect.stringMatching(
        /^isolate: Run [0-9a-f]{16} uses the session shared, and a command that joins it has no --tmpfs of its own\.\nhint: leave out --tmpfs, /,
      ),
    });
    child.stdin?.end();
    const [end] = await Promise.all([finished(joined), once(child, 'close')]);
    expect(end.status).toBe(137);
  });

  test('is not refused when many begin at once', { timeout: 120_000 }, async () => {
    const script = (n: number): string => `echo ${n}; echo >> /all; while [ $(wc -l < /all) -lt 6 ]; do sleep 0.1; done`;
    const all = await Promise.all(Array.from({ length: 6 }, (_unused, n) => run([...enter, 'sh', '-c', script(n)])));
    // Those that joined end with the run that was first.
    expect(all.map(({ stdout }) => stdout)).toEqual(all.map((_unused, n) => `${n}\n`));
    expect(all.map(({ stderr }) => stderr).join('')).toBe('');
  });

  test('says that there is no such session', async () => {
    expect(await run(['enter', '--shared', 'nothing', 'true'])).toMatchObject({
      status: 125,
      stderr: 'isolate: There is no session "nothing".\nhint: isolate sessions lists yours\n',
    });
  });
});

test('a session is there whatever kills its run', async () => {
  const callersOfRuns = [
    {
      start: (args: readonly string[]) => startIsolate(args),
      run: (args: readonly string[]) => isolate(args),
      root: ['-t', directory, '--ephemeral'],
    },
    {
      start: (args: readonly string[]) => startAs(member, args),
      run: (args: readonly string[]) => runAs(member, args),
      root: ['-z', template.dataset],
    },
  ];
  for (const { start, run, root } of callersOfRuns) {
    const child = start(['--keep=killed', ...root, 'sh', '-c', 'echo here > /mine; sync; echo in; exec sleep 600']);
    await once(child.stdout as Readable, 'data');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await expect.poll(() => run(['enter', 'killed', 'cat', '/mine'])).toMatchObject({ status: 0, stdout: 'here\n' });
    expect(await run(['rm', 'killed'])).toEqual(done('killed is removed\n'));
  }
});

test('a session on an overlay shows what its directory has now, below its own changes', async () => {
  expect(await isolate(['--keep=layers', '-t', directory, '--ephemeral', 'sh', '-c', 'echo own > /own'])).toEqual(done());
  writeFileSync(join(directory, 'later'), 'later\n');
  expect(await isolate(['enter', 'layers', 'cat', '/own', '/later'])).toEqual(done('own\nlater\n'));
  rmSync(join(directory, 'later'));
  expect(await isolate(['rm', 'layers'])).toEqual(done('layers is removed\n'));
});

test('a session whose clone is gone can be removed', async () => {
  await keptByMember('lost', 'true');
  const [{ clone }] = (JSON.parse((await runAs(member, ['sessions', '--json'])).stdout) as { sessions: [{ clone: { id: string } }] })
    .sessions;
  const dataset = `${template.dataset}_${clone.id}`;
  await expect
    .poll(() =>
      template.pool.zfs('unmount', dataset).then(
        () => true,
        () => true,
      ),
    )
    .toBe(true);
  await template.pool.zfs('inherit', 'isolate:keep', dataset);
  await refreshUntilFree(template.dataset);
  expect(await runAs(member, ['enter', 'lost', 'true'])).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('does not exist any more.'),
  });
  expect(await runAs(member, ['rm', 'lost'])).toMatchObject({ status: 0 });
});

test('a user has at most as many sessions as the settings say', async () => {
  for (const name of ['q1', 'q2', 'q3']) await keptByMember(name, 'true');
  expect(await runAs(member, ['--keep=q4', '-z', template.dataset, 'echo', 'started'])).toMatchObject({
    status: 125,
    stdout: '',
    stderr:
      'isolate: plain54111 (uid 54111) has 3 sessions, the limit (limits.sessions).\nhint: isolate sessions lists them, isolate rm removes them\n',
  });
  expect(await runAs(member, ['rm', 'q1', 'q2', 'q3'])).toEqual(done('q1, q2, q3 are removed\n'));
});

test('a session survives a refresh, a daemon that was killed, and the loss of /run and of its name', async () => {
  await keptByMember('lasting', 'sh', '-c', 'echo here > /mine');
  expect(await isolate(['refresh', '--force', template.dataset])).toMatchObject({ status: 0 });
  await daemon.end();
  await loseState();
  rmSync('/var/lib/isolate/sessions', { recursive: true });
  daemon = await startDaemon();
  await expect.poll(async () => (await runAs(member, ['sessions'])).stdout).toMatch(/^lasting /m);
  await expect
    .poll(() => runAs(member, ['enter', 'lasting', 'cat', '/mine']), { timeout: 60_000 })
    .toEqual({ ...done('here\n'), stderr: '' });
  expect(await runAs(member, ['rm', 'lasting'])).toEqual(done('lasting is removed\n'));
});

test.each([
  ['a dataset', () => ['-z', template.dataset], () => template.dataset],
  ['a directory', () => ['-t', stored, '--ephemeral'], () => stored],
])('a template in %s is not removed or renamed under a session', async (_name, root, path) => {
  expect(await isolate(['--keep=on', ...root(), 'true'])).toEqual(done());
  const refused = {
    status: 1,
    stderr: `isolate: A session is on ${path()}: on.\nhint: isolate rm on removes it\n`,
  };
  expect(await isolate(['template', 'remove', path()])).toMatchObject(refused);
  expect(await isolate(['template', 'rename', path(), `${path()}-2`])).toMatchObject(refused);
  expect(await isolate(['enter', 'on', 'true'])).toEqual(done());
  expect(await isolate(['rm', 'on'])).toEqual(done('on is removed\n'));
});

test('the daemon decides a run in a session that it keeps, so that no Node is started', async () => {
  for (const caller of [(args: readonly string[]) => isolate(args), (args: readonly string[]) => runAs(member, args)]) {
    expect(await caller(['--keep=quick', '-z', template.dataset, 'sh', '-c', 'echo 1 > /mine'])).toEqual(done());
    const { status, stdout, stderr } = await caller(['enter', '-x', 'quick', 'cat', '/mine']);
    expect({ status, stdout, way: /^.*way.*$/m.exec(stderr)?.[0] }).toEqual({
      status: 0,
      stdout: '1\n',
      way: expect.stringContaining('daemon'),
    });
    await expect.poll(() => caller(['rm', 'quick'])).toEqual(done('quick is removed\n'));
  }
});

describe('what a member sees of a clone that the daemon keeps', () => {
  test('is what was changed in a session, and what is in it', async () => {
    await keptByMember('seen', 'sh', '-c', 'echo mine >> /etc/os-release; mkdir /new; echo text > /new/file; rm /usr/bin/awk');
    expect(await runAs(member, ['diff', '--name-only', 'seen'])).toEqual({
      ...done('bin/awk\netc/os-release\nnew\nnew/file\n'),
      stderr: '',
    });
    expect((await runAs(member, ['diff', '--porcelain', 'seen', '/new'])).stdout).toMatch(/new\/file$/m);
    expect((await runAs(member, ['diff', '--patch', 'seen', '/new'])).stdout).toContain('+text\n');
    expect(await runAs(member, ['cp', 'seen:/new/file', '-'])).toMatchObject({ status: 0, stdout: expect.stringContaining('text\n') });
    expect(await runAs(member, ['cp', '-q', 'seen:/new', 'copied'])).toEqual({ ...done(), stderr: '' });
    expect(readFileSync(join(member.home, 'copied/file'), 'utf8')).toBe('text\n');
    expect(await runAs(member, ['cp', '-q', 'copied/file', 'seen:/etc/new'])).toEqual({ ...done(), stderr: '' });
    expect(await runAs(member, ['enter', 'seen', 'sh', '-c', 'cat /etc/new; stat -c "%u %g" /etc/new'])).toEqual(done('text\n0 0\n'));
    expect((await runAs(member, ['sessions'])).stdout).toMatch(/^seen .* sh -c /m);
    expect(await runAs(member, ['rm', 'seen'])).toEqual(done('seen is removed\n'));
  });

  test('is what a run has changed, at its end', async () => {
    const { status, stdout, stderr } = await runAs(member, [
      '--diff',
      '-z',
      template.dataset,
      'sh',
      '-c',
      'echo out; echo 1 > /etc/new; exit 4',
    ]);
    expect({ status, stdout }).toEqual({ status: 4, stdout: 'out\n' });
    expect(stderr).toContain('/etc/new');
  });
});
