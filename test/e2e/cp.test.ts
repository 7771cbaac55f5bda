import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { startDaemon } from '../rig/daemon.ts';
import { finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { useOwnState } from '../rig/own-store.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { tarOf } from '../rig/tar.ts';
import { walkBoth } from '../rig/tree-walk.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

/** What a session's root is made of: the options of its first run. */
type Root = readonly string[];

useOwnState();

let root: string;
let template: ZfsTemplate;
let overlay: Root;
let clone: Root;
let member: Member;
beforeAll(async () => {
  root = await busyboxRootfs();
  template = await makeZfsTemplate();
  overlay = ['-t', root, '--ephemeral'];
  clone = ['-z', template.dataset];
  member = await addMember(54_601, { groups: [] });
}, 300_000);
afterAll(() => template.pool.end());

let sessions = 0;

/** Keeps what a script has made, and returns the session's name. */
async function keep(how: Root, script: string): Promise<string> {
  sessions += 1;
  const name = `cp-${sessions}`;
  expect(await isolate([`--keep=${name}`, '-q', ...how, 'sh', '-ec', script])).toMatchObject({ status: 0, stderr: '' });
  return name;
}

async function inSession(name: string, script: string): Promise<string> {
  const { status, stdout, stderr } = await isolate(['enter', '-q', name, 'sh', '-ec', script]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'cp-'));
}

const said = (stderr: string): object => ({ status: 1, signal: null, stdout: '', stderr });
const done = (files: number): object => ({
  status: 0,
  signal: null,
  stdout: `${files} ${files === 1 ? 'file' : 'files'} copied\n`,
  stderr: '',
});

/** On the host: what copies are to keep, with names of any bytes. */
function makeSource(): string {
  const directory = newDirectory();
  const script = String.raw`
    umask 022
    mkdir -p tree/sub 'tree/sp ace'; echo text > tree/sub/file; chmod 640 tree/sub/file; ln tree/sub/file tree/again
    ln -s /etc/passwd tree/link; ln -s nowhere tree/dangling; mkfifo tree/pipe
    touch "tree/$(printf 'new\nline')" "tree/$(printf '\377\376')" "tree/$(printf 'n%.0s' $(seq 255))"
    truncate -s 20M tree/hole; printf end >> tree/hole
    setfattr -n user.note -v value tree/sub/file
    touch -d '2001-02-03 04:05:06.789012345' tree/sub/file tree/sub; touch -h -d '2002-02-03 04:05:06.5' tree/link
  `;
  execFileSync('/bin/bash', ['-ec', script], { cwd: directory });
  return join(directory, 'tree');
}

/** With times, numbers of links and blocks that holes do not take; zfs-fuse keeps whole seconds, no attributes of users, and no holes. */
function list(directory: string, isFuse = false): string {
  const script = String.raw`find . -printf '%P %y %m %T@ %s %l\0' | sort -z; find . -type f -printf '%P %n\0' | sort -z`;
  const holes = isFuse ? 'true' : String.raw`find . -size +9M -printf '%b' | wc -c`;
  return execFileSync('/bin/bash', ['-c', `${script}; ${holes}`], { cwd: directory, encoding: 'latin1' }).replaceAll(
    /(?<=\d)\.\d+(?= )/g,
    (part) => (isFuse ? '' : part),
  );
}

describe.each([
  ['an overlay', (): Root => overlay, false],
  ['a clone', (): Root => clone, true],
] as const)('on %s', (_title, how, isFuse) => {
  test('a tree is the same after its way in and out again', async () => {
    const name = await keep(how(), 'true');
    const source = makeSource();
    const lacking = 'isolate: warning: The file system there does not take all extended attributes, so some are left out: 1.\n';
    expect(await isolate(['cp', source, `${name}:/srv`])).toMatchObject({ status: 0, stderr: isFuse ? lacking : '' });
    if (isFuse) execFileSync('setfattr', ['-x', 'user.note', join(source, 'sub/file')]);
    expect(await inSession(name, 'stat -c "%u:%g %a" /srv/sub/file; cat /srv/sub/file; readlink /srv/link; stat -c %h /srv/again')).toBe(
      '0:0 640\ntext\n/etc/passwd\n2\n',
    );
    const target = newDirectory();
    expect(await isolate(['cp', `${name}:/srv`, target])).toMatchObject({ status: 0, stderr: '' });
    expect(walkBoth(source, join(target, 'srv'))).toEqual([]);
    expect(list(join(target, 'srv'), isFuse)).toBe(list(source, isFuse));
    expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
  });

  test('files and directories get the names that cp gives them', async () => {
    const name = await keep(how(), 'mkdir -p /srv/d/e; echo one > /srv/d/f; echo two > /srv/d/e/g');
    const directory = newDirectory();
    const at = (path: string): string => join(directory, path);
    mkdirSync(at('there'));
    writeFileSync(at('old'), 'old');
    expect(await isolate(['cp', `${name}:/srv/d/f`, at('new')])).toEqual(done(1));
    expect(await isolate(['cp', `${name}:srv/d/f`, at('there')])).toEqual(done(1));
    expect(await isolate(['cp', `${name}:/srv/d/f`, at('old')])).toEqual(done(1));
    expect(await isolate(['cp', `${name}:/srv/d`, at('d')])).toEqual(done(4));
    expect(await isolate(['cp', `${name}:/srv/d`, `${at('there')}/`])).toEqual(done(4));
    expect(await isolate(['cp', `${name}:/srv/d/.`, at('there')])).toEqual(done(4));
    expect(readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual([
      'd',
      'd/e',
      'd/e/g',
      'd/f',
      'new',
      'old',
      'there',
      'there/d',
      'there/d/e',
      'there/d/e/g',
      'there/d/f',
      'there/e',
      'there/e/g',
      'there/f',
    ]);
    expect([readFileSync(at('old'), 'utf8'), readFileSync(at('there/f'), 'utf8')]).toEqual(['one\n', 'one\n']);
    expect(await isolate(['cp', at('d'), `${name}:/srv`])).toEqual(done(4));
    expect(await isolate(['cp', `${at('d')}/.`, `${name}:/srv/x`])).toEqual(done(4));
    expect(await isolate(['cp', at('new'), `${name}:/srv/x/f`])).toEqual(done(1));
    expect(await inSession(name, 'cd /srv; find . | sort')).toBe('.\n./d\n./d/e\n./d/e/g\n./d/f\n./x\n./x/e\n./x/e/g\n./x/f\n');
    expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
  });
});

test('what cannot be copied is named, and nothing is left of it', async () => {
  const name = await keep(overlay, 'mkdir -p /srv/d; echo x > /srv/f; mknod /srv/d/p p; ln -s /etc /srv/l; ln -s / /srv/up');
  const directory = newDirectory();
  symlinkSync(tmpdir(), join(directory, 'link'));
  writeFileSync(join(directory, 'f'), 'mine');
  const at = (path: string): string => join(directory, path);
  const hint = 'hint: isolate cp NAME:PATH PATH, or isolate cp PATH NAME:PATH\n';
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [[`${name}:/nope`, directory], 1, `isolate: ${name}:/nope cannot be copied: it does not exist.\n`],
    [
      [`${name}:/srv/l/passwd`, directory],
      1,
      `isolate: ${name}:/srv/l/passwd cannot be copied: srv/l: it is a symbolic link to /etc, and no link is followed.\n`,
    ],
    [
      [`${name}:/srv/f`, at('link')],
      1,
      `isolate: ${at('link')} is a symbolic link, and isolate copies through none.\nhint: ${at('link')}/ copies into the directory that it leads to\n`,
    ],
    [[`${name}:/srv/f`, at('nope/f')], 1, `isolate: ${at('nope/f')} does not exist on this host.\n`],
    [[`${name}:/srv/f`, `${at('nope')}/`], 1, `isolate: ${at('nope')}/ does not exist on this host.\n`],
    [[`${name}:/srv/f/.`, directory], 1, `isolate: ${name}:/srv/f/. cannot be copied: srv/f/.: it cannot be reached: Not a directory.\n`],
    [[`${name}:/srv/d`, at('f')], 1, `isolate: ${at('f')} cannot be written: f: it is no directory.\n`],
    [[at('nope'), `${name}:/srv`], 1, `isolate: ${at('nope')} does not exist on this host.\n`],
    [[at('f'), `${name}:/nope/f`], 1, `isolate: ${name}:/nope/f cannot be written: nope: it does not exist.\n`],
    [[at('f'), `${name}:/srv/up`], 1, `isolate: ${name}:/srv/up cannot be written: it is a symbolic link to /, and no link is followed.\n`],
    [
      [at('f'), `${name}:/srv/up/etc/f`],
      1,
      `isolate: ${name}:/srv/up/etc/f cannot be written: srv/up: it is a symbolic link to /, and no link is followed.\n`,
    ],
    [['/dev/null', `${name}:/srv`], 1, `isolate: ${name}:/srv cannot be written: null: it is a device, and devices are not copied.\n`],
    [
      ['nobodys:/f', directory],
      1,
      'isolate: There is neither a session nor a run "nobodys".\nhint: isolate sessions and isolate ps list yours\n',
    ],
    [[directory, directory], 2, `isolate: Neither ${directory} nor ${directory} is in a session or run.\n${hint}`],
    [[`${name}:/a`, `${name}:/b`], 2, `isolate: Both ${name}:/a and ${name}:/b are in a session or run.\n${hint}`],
    [[`${name}:/a`], 2, `isolate: A source and a destination are needed.\n${hint}`],
  ];
  const before = list(directory);
  for (const [words, status, stderr] of cases) expect(await isolate(['cp', ...words])).toEqual({ ...said(stderr), status });
  expect(list(directory)).toBe(before);
  expect(await inSession(name, 'cd /srv; find . | sort')).toBe('.\n./d\n./d/p\n./f\n./l\n./up\n');
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

test('links of the guest are copied as links, and nothing of the host comes through them', async () => {
  const name = await keep(
    overlay,
    'mkdir /srv; cd /srv; ln -s /etc/shadow a; ln -s ../../../../../etc/shadow b; ln -s / c; mkdir d; ln -s ../.. d/e',
  );
  const directory = newDirectory();
  expect(await isolate(['cp', `${name}:/srv/.`, directory])).toEqual(done(6));
  expect(['a', 'b', 'c', 'd/e'].map((link) => readlinkSync(join(directory, link)))).toEqual([
    '/etc/shadow',
    '../../../../../etc/shadow',
    '/',
    '../..',
  ]);
  // A second time nothing is written through them, either.
  expect(await isolate(['cp', `${name}:/srv/.`, directory])).toEqual(done(6));
  await inSession(name, 'cd /srv; rm c; mkdir c; echo x > c/f');
  expect(await isolate(['cp', `${name}:/srv/.`, directory])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('c: there is something else') as string,
  });
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

test('what arrives is the caller’s, without set-uid bits, unless --archive is given', async () => {
  const name = await keep(overlay, 'mkdir /srv; cp /bin/busybox /srv/s; chown 5:7 /srv/s; chmod 6755 /srv/s');
  const directory = newDirectory();
  expect(await isolate(['cp', `${name}:/srv/s`, directory])).toEqual(done(1));
  expect(await isolate(['cp', '-a', `${name}:/srv/s`, join(directory, 'a')])).toEqual(done(1));
  const describeFile = (path: string): unknown => {
    const { uid, gid, mode } = statSync(join(directory, path));
    return [uid, gid, (mode & 0o7777).toString(8)];
  };
  expect([describeFile('s'), describeFile('a')]).toEqual([
    [0, 0, '755'],
    [5, 7, '6755'],
  ]);
  expect(await isolate(['cp', join(directory, 'a'), `${name}:/srv/b`])).toEqual(done(1));
  expect(await isolate(['cp', '--archive', join(directory, 'a'), `${name}:/srv/c`])).toEqual(done(1));
  expect(await inSession(name, 'stat -c "%u:%g %a" /srv/b /srv/c')).toBe('0:0 755\n5:7 6755\n');
  chownSync(join(directory, 'a'), 200_000, 0);
  expect(await isolate(['cp', '-a', join(directory, 'a'), `${name}:/srv/d`])).toEqual(
    said(`isolate: ${name}:/srv/d cannot be written: d: its owner 200000:0 is none of the ids there.\n`),
  );
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

test('- is a tar archive, out and in', async () => {
  const name = await keep(overlay, 'mkdir -p /srv/d; echo text > /srv/d/f; chown 5:7 /srv/d/f; mkdir /in');
  const out = spawnSync(isolatePath, ['cp', `${name}:/srv/d`, '-']);
  expect([out.status, out.stderr.toString()]).toEqual([0, '']);
  expect(execFileSync('tar', ['--numeric-owner', '-tv'], { input: out.stdout, encoding: 'utf8' }).match(/\d+\/\d+|\S+$/gm)).toEqual([
    '0/0',
    'd/',
    '5/7',
    'd/f',
  ]);
  const archive = execFileSync('tar', ['-C', makeSource(), '--exclude=pipe', '-c', 'sub', 'again']);
  const child = startIsolate(['cp', '-', `${name}:/in`]);
  child.stdin?.end(archive);
  expect(await finished(child)).toEqual(done(3));
  expect(await inSession(name, 'cat /in/sub/file /in/again')).toBe('text\ntext\n');
  const bad = startIsolate(['cp', '-', `${name}:/in`]);
  bad.stdin?.end('no archive'.repeat(1000));
  expect(await finished(bad)).toEqual(said(`isolate: ${name}:/in cannot be written: this is no tar archive, or it is damaged.\n`));
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

test('Ctrl-C leaves nothing half, and the session as it was', async () => {
  const name = await keep(overlay, 'mkdir /in; echo old > /in/f');
  const child = startIsolate(['cp', '-', `${name}:/in`]);
  child.stdin?.on('error', () => {});
  child.stdin?.write(tarOf([{ path: 'f', content: 'x'.repeat(2_000_000) }]).subarray(0, 1_000_000));
  const layer = (): string => execFileSync('find', ['/var/lib/isolate/overlay', '-name', '.isolate-cp-*'], { encoding: 'utf8' });
  await expect.poll(layer, { timeout: 20_000, interval: 20 }).not.toBe('');
  const ended = finished(child);
  child.kill('SIGINT');
  expect(await ended).toEqual({ status: 130, signal: null, stdout: '', stderr: 'isolate: isolate was stopped by SIGINT.\n' });
  expect(await inSession(name, 'ls -A /in; cat /in/f')).toBe('f\nold\n');
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

/** Starts a run that says that it has begun, and lasts until the test has ended. */
async function startRun(
  words: readonly string[],
  script: string,
  start: (words: readonly string[]) => ChildProcess = startIsolate,
): Promise<void> {
  const run = start([...words, 'sh', '-ec', `${script}; echo; exec sleep 600`]);
  const ended = finished(run);
  onTestFinished(async () => {
    run.kill('SIGTERM');
    await ended;
  });
  const began = new Promise((resolve) => void run.stdout?.once('data', resolve));
  await Promise.race([began, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
}

async function onlyRun(): Promise<string> {
  const { runs } = JSON.parse((await isolate(['ps', '--json'])).stdout) as { readonly runs: readonly { readonly runId: string }[] };
  expect(runs.length).toBe(1);
  return runs[0]?.runId ?? '';
}

describe.each(['bwrap', 'lxc'] as const)('a run of %s', (engine) => {
  test('gives and takes files, as it sees them itself', async () => {
    await startRun(
      ['-q', '-e', engine, ...overlay],
      'mkdir -p /srv/d; echo x > /srv/d/f; chown 5:7 /srv/d/f; ln -s /etc /srv/l; echo m > /dev/shm/m',
    );
    const run = await onlyRun();
    const directory = newDirectory();
    expect(await isolate(['cp', `${run.slice(0, 8)}:/srv`, directory])).toEqual(done(4));
    expect(await isolate(['cp', '-a', `${run}:/srv/d/f`, join(directory, 'f')])).toEqual(done(1));
    expect([statSync(join(directory, 'f')).uid, readlinkSync(join(directory, 'srv/l'))]).toEqual([5, '/etc']);
    // What is mounted in it, too.
    expect(await isolate(['cp', `${run}:/dev/shm/m`, directory])).toEqual(done(1));
    expect(await isolate(['cp', join(directory, 'srv'), `${run}:/srv/back`])).toEqual(done(4));
    expect(await isolate(['cp', '-a', `${run}:/srv/back`, `${directory}/`])).toEqual(done(4));
    expect([statSync(join(directory, 'back/d/f')).uid, readFileSync(join(directory, 'back/d/f'), 'utf8')]).toEqual([0, 'x\n']);
    expect(await isolate(['cp', join(directory, 'f'), `${run}:/srv/l/f`])).toEqual(
      said(`isolate: ${run}:/srv/l/f cannot be written: srv/l: it is a symbolic link to /etc, and no link is followed.\n`),
    );
    expect(await isolate(['cp', `${run}:/nope`, directory])).toEqual(said(`isolate: ${run}:/nope cannot be copied: it does not exist.\n`));
  });
});

test('a session that a run uses is copied from and to as that run sees it', async () => {
  const name = await keep(overlay, 'true');
  await startRun(['enter', '-q', name], 'echo inside > /tmp/f');
  const directory = newDirectory();
  expect(await isolate(['cp', `${name}:/tmp/f`, directory])).toEqual(done(1));
  expect(await isolate(['cp', join(directory, 'f'), `${name}:/srv`])).toEqual(done(1));
});

test('a run that makes links of its directories while they are copied gives nothing of the host, and gets nothing outside', async () => {
  const script =
    'mkdir -p /srv/a/d; echo inside > /srv/a/d/f; ln -s / /srv/a/l; (cd /srv/a; while :; do mv d t; mv l d; mv t l || :; done) & true';
  await startRun(['-q', ...overlay], script);
  const run = await onlyRun();
  for (let round = 0; round < 15; round += 1) {
    const directory = newDirectory();
    await isolate(['cp', `${run}:/srv/a`, directory]);
    const found = execFileSync('find', [directory, '-name', 'f', '-type', 'f', '-exec', 'cat', '{}', ';'], { encoding: 'utf8' });
    expect(found.replaceAll('inside\n', '')).toBe('');
    expect(execFileSync('find', [directory, '-name', 'passwd'], { encoding: 'utf8' })).toBe('');
    writeFileSync(join(directory, 'g'), 'new');
    await isolate(['cp', join(directory, 'g'), `${run}:/srv/a/d`]);
  }
  expect((await isolate(['cp', `${run}:/g`, newDirectory()])).stderr).toContain('it does not exist');
});

test('a warning says that runs have a /tmp of their own', async () => {
  const name = await keep(overlay, 'true');
  expect(await isolate(['cp', '-q', '/etc/hostname', `${name}:/tmp`])).toEqual({
    status: 0,
    signal: null,
    stdout: '',
    stderr: `isolate: warning: ${name}:/tmp is not seen by runs, which have a /tmp of their own.\n`,
  });
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

test('--json gives the number of files', async () => {
  const name = await keep(overlay, 'true');
  expect(JSON.parse((await isolate(['cp', '--json', `${name}:/etc/passwd`, newDirectory()])).stdout)).toEqual({ copied: 1 });
  expect(await isolate(['rm', name])).toMatchObject({ status: 0 });
});

describe('a user who is not root', () => {
  const as = (words: readonly string[]): ReturnType<typeof runAs> => runAs(member, words);

  test('copies with its own rights alone, and what arrives belongs to it', async () => {
    expect(
      await as([
        '--keep=mine',
        '-q',
        '-t',
        root,
        '--ephemeral',
        'sh',
        '-ec',
        'mkdir /srv; cd /srv; echo x > r; echo y > d; chown 1:1 d; chmod 600 d; ln -s /etc l',
      ]),
    ).toMatchObject({ status: 0 });
    expect(await as(['cp', 'mine:/srv', 'out'])).toEqual(done(4));
    const owners = (path: string): unknown => [lstatSync(join(member.home, path)).uid, lstatSync(join(member.home, path)).gid];
    expect(['out', 'out/r', 'out/d', 'out/l'].map(owners)).toEqual(Array.from({ length: 4 }, () => [member.uid, member.uid]));
    expect(await as(['cp', '-a', 'mine:/srv/d', 'exact'])).toEqual(done(1));
    expect(owners('exact')).toEqual([1_500_000_000, 1_500_000_000]);
    expect(await as(['cp', 'out', 'mine:/srv/back'])).toEqual(done(4));
    expect((await as(['enter', '-q', 'mine', 'stat', '-c', '%u:%g %a', '/srv/back/d'])).stdout).toBe('0:0 600\n');
  });

  test('copies from and to its own runs, and root does not', async () => {
    await startRun(['-q', '-t', root, '--ephemeral'], 'mkdir /srv; echo x > /srv/f; chown 1:1 /srv/f; chmod 600 /srv/f', (words) =>
      startAs(member, words),
    );
    const { runs } = JSON.parse((await as(['ps', '--json'])).stdout) as { readonly runs: readonly { readonly runId: string }[] };
    const run = runs[0]?.runId ?? '';
    expect(await as(['cp', `${run}:/srv/f`, 'f'])).toEqual(done(1));
    expect(await as(['cp', 'f', `${run}:/srv/g`])).toEqual(done(1));
    expect([lstatSync(join(member.home, 'f')).uid, readFileSync(join(member.home, 'f'), 'utf8')]).toEqual([member.uid, 'x\n']);
    expect(await isolate(['cp', `${run}:/srv/f`, newDirectory()])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`Run ${run} belongs to plain54601`) as string,
    });
  });

  test('reads and writes nothing that is not its own', async () => {
    const other = newDirectory();
    chmodSync(other, 0o755);
    writeFileSync(join(other, 'secret'), 'secret', { mode: 0o600 });
    expect(await as(['cp', join(other, 'secret'), 'mine:/srv/s'])).toEqual(
      said(`isolate: ${join(other, 'secret')} cannot be copied: secret: the file cannot be read: Permission denied.\n`),
    );
    expect(await as(['cp', 'mine:/srv/r', join(other, 'r')])).toEqual(
      said(`isolate: ${join(other, 'r')} cannot be written: r: it cannot be made: Permission denied.\n`),
    );
    chmodSync(other, 0o700);
    expect(await as(['cp', join(other, 'secret'), 'mine:/srv/s'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`${join(other, 'secret')} cannot be reached.`) as string,
    });
    expect(await isolate(['cp', 'mine:/srv/r', newDirectory()])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('There is neither a session nor a run "mine"') as string,
    });
  });
});

test('a member copies from and to its run on a clone that the daemon lends', async () => {
  const lent = await addMember(54_602, { subordinate: 1_650_000_000 });
  await addMemberGroup();
  const daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 1\nusers = ["${lent.name}"]\n`);
  onTestFinished(() => daemon.end());
  await startRun(['-q', '-z', template.dataset, '--wait', '60'], 'mkdir /srv; echo x > /srv/f; ln -s /etc /srv/l', (words) =>
    startAs(lent, words),
  );
  const { runs } = JSON.parse((await runAs(lent, ['ps', '--json'])).stdout) as { readonly runs: readonly { readonly runId: string }[] };
  const run = runs[0]?.runId ?? '';
  expect(await runAs(lent, ['cp', `${run}:/srv`, 'out'])).toEqual(done(3));
  expect([
    lstatSync(join(lent.home, 'out/f')).uid,
    readFileSync(join(lent.home, 'out/f'), 'utf8'),
    readlinkSync(join(lent.home, 'out/l')),
  ]).toEqual([lent.uid, 'x\n', '/etc']);
  expect(await runAs(lent, ['cp', 'out', `${run}:/srv/back`])).toEqual(done(3));
  expect(await runAs(member, ['cp', `${run}:/srv/f`, 'stolen'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('There is neither a session nor a run') as string,
  });
});
