import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EndOperation, Launch, MadeFile } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { readBootId, readHolder, readOwnHolder } from '../../src/pool/holder.ts';
import { answerClients, installClient } from '../rig/client.ts';
import { finished } from '../rig/isolate.ts';
import { bareLaunch, launcherPath, run, wrappedLaunch } from '../rig/launches.ts';
import { addPlainUser } from '../rig/plain-user.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync('/var/lib/launcher-files-');
  chmodSync(directory, 0o755);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const place = (name: string): string => join(directory, name);

function made(kind: 'directory', name: string, changes?: Partial<Extract<MadeFile, { kind: 'directory' }>>): MadeFile;
function made(kind: 'file', name: string, changes?: Partial<Extract<MadeFile, { kind: 'file' }>>): MadeFile;
function made(kind: 'directory' | 'file', name: string, changes: object = {}): MadeFile {
  const common = { path: place(name), mode: 0o700, existing: 'refused', end: 'removed' } as const;
  return kind === 'directory' ? { kind, ...common, ...changes } : { kind, content: '', ...common, ...changes };
}

const shell = (script: string, files: readonly MadeFile[], changes: Partial<Launch> = {}): Launch =>
  bareLaunch(['/bin/sh', '-c', `cd ${directory}; ${script}`], { files, ...changes });

describe('the files of a launch', () => {
  it('are there while it runs, with their modes and contents, and gone when it has ended', async () => {
    const files = [
      made('directory', 'run', { mode: 0o750 }),
      made('directory', 'run/upper', { mode: 0o777, end: 'stays' }),
      made('file', 'state', { mode: 0o666, content: '{"device":%d,"inode":%i,"percent":"%%%x"}', numbersOf: place('run') }),
      made('file', 'plain', { mode: 0o600, content: '%d %i %%\n' }),
    ];
    const { stdout } = await run(shell('stat -c "%a %n" run run/upper state plain; cat plain state; stat -c "%d %i" run', files));
    const [device = '', inode = ''] = stdout.trimEnd().split('\n').at(-1)?.split(/[ }]/).slice(-2) ?? [];
    expect(stdout).toBe(
      `750 run\n777 run/upper\n666 state\n600 plain\n%d %i %%\n{"device":${device},"inode":${inode},"percent":"%x"}${device} ${inode}\n`,
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('are taken from their places and given back, whoever else wants them', async () => {
    mkdirSync(place('kept'));
    mkdirSync(place('leased'));
    writeFileSync(place('kept/1'), 'state');
    const take = { kind: 'take', path: place('kept/1'), to: place('leased/1.2') } as const;
    const replace = { kind: 'replace', path: place('last.new'), to: place('last'), content: '%d new\n' } as const;
    writeFileSync(place('last'), 'old and longer\n');
    expect((await run(shell('ls kept leased; cat last', [take, replace]))).stdout).toBe('kept:\n\nleased:\n1.2\n%d new\n');
    expect(readdirSync(directory, { recursive: true }).map(String).toSorted()).toEqual(['kept', 'kept/1', 'last', 'leased']);
    const taken = { code: 'session-in-use', message: 'The session has just been taken by another run, or removed.' };
    await expect(run(shell('true', [{ ...take, path: place('kept/2') }]))).rejects.toMatchObject(taken);
    writeFileSync(place('leased/1.2'), 'of another');
    await expect(run(shell('true', [take]))).rejects.toMatchObject(taken);
    expect([readFileSync(place('kept/1'), 'utf8'), readFileSync(place('leased/1.2'), 'utf8')]).toEqual(['state', 'of another']);
    // What only tells people something prevents no run.
    const nowhere = { ...replace, path: place('nowhere/last.new'), to: place('nowhere/last') };
    expect((await run(shell('echo ran', [nowhere]))).stdout).toBe('ran\n');
  });

  it('stay if planned, or if they existed before', async () => {
    mkdirSync(place('old'));
    writeFileSync(place('old/kept'), 'kept');
    writeFileSync(place('file'), 'old');
    const files = [
      made('directory', 'old', { existing: 'fine' }),
      made('file', 'file', { existing: 'fine', content: 'new' }),
      made('directory', 'new', { end: 'stays' }),
      made('file', 'new/file', { end: 'stays', content: 'new' }),
    ];
    expect((await run(shell('true', files))).result).toEqual({ kind: 'exited', code: 0 });
    const contents = ['old/kept', 'file', 'new/file'].map((name) => readFileSync(place(name), 'utf8'));
    expect(contents).toEqual(['kept', 'old', 'new']);
  });

  it('are removed with their contents, but without following links', async () => {
    mkdirSync(place('outside'));
    writeFileSync(place('outside/file'), 'outside');
    await run(
      shell('ln -s ../outside tree/link; mkdir tree/closed; touch tree/closed/x; chmod 0 tree/closed', [made('directory', 'tree')]),
    );
    expect({ names: readdirSync(directory), outside: readdirSync(place('outside')) }).toEqual({ names: ['outside'], outside: ['file'] });
  });

  it('are removed when their process namespace has ended', async () => {
    const deep = `${place('tree')}/${'d/'.repeat(40)}`;
    const launch = wrappedLaunch('init', ['/bin/mkdir', '-p', deep], { files: [made('directory', 'tree')] });
    expect((await run(launch)).result).toEqual({ kind: 'exited', code: 0 });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('are removed from trees that are deeper than the longest path', async () => {
    const script = `cd tree; perl -e 'for (1 .. 3000) { mkdir "dddddddddd"; chdir "dddddddddd" or die }'`;
    expect((await run(shell(script, [made('directory', 'tree')]))).result).toEqual({ kind: 'exited', code: 0 });
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each<[string, () => readonly MadeFile[], string]>([
    [
      'a directory that is there',
      () => [made('directory', 'first'), made('directory', 'taken'), made('file', 'last')],
      'taken): file already exists.',
    ],
    ['a file that is there', () => [made('file', 'first'), made('file', 'taken'), made('file', 'last')], 'taken): file already exists.'],
    [
      'a file where a directory is to be',
      () => [made('directory', 'taken/file', { existing: 'fine' })],
      'taken/file): file already exists.',
    ],
    ['a directory where a file is to be', () => [made('file', 'taken', { existing: 'fine' })], 'taken): file already exists.'],
    ['a link where a directory is to be', () => [made('directory', 'link', { existing: 'fine' })], 'link): file already exists.'],
    ['a parent that is not there', () => [made('file', 'first'), made('file', 'no/such')], 'no/such): no such file or directory.'],
    ['a file of no numbers', () => [made('file', 'first', { numbersOf: place('none') })], 'first): no such file or directory.'],
  ])('are removed again where the launch fails for %s, and nothing else is', async (_, files, message) => {
    mkdirSync(place('taken'));
    writeFileSync(place('taken/file'), 'taken');
    symlinkSync('taken', place('link'));
    await expect(run(shell('true', files()))).rejects.toThrow(`The launch failed in the step file (${directory}/${message}`);
    expect({ names: readdirSync(directory).toSorted(), taken: readdirSync(place('taken')) }).toEqual({
      names: ['link', 'taken'],
      taken: ['file'],
    });
  });

  it('are removed if a later step of the launch fails', async () => {
    await expect(run(bareLaunch(['/no/such'], { files: [made('directory', 'tree'), made('file', 'lease')] }))).rejects.toThrow(
      'while executing',
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('that cannot be removed are reported by the client, as text or in its lines, and the status stays', async () => {
    const launch = shell('mount -t tmpfs none tree/busy; exit 3', [
      made('directory', 'tree'),
      made('directory', 'tree/busy', { end: 'stays' }),
    ]);
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
    });
    try {
      const child = spawn(await installClient(), [], { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
      expect(await finished(child)).toEqual({
        status: 3,
        signal: null,
        stdout: '',
        stderr: `isolate: warning: The run could not clean up (${directory}/tree): directory not empty.\n`,
      });
    } finally {
      execFileSync('umount', [place('tree/busy')]);
    }
  });

  it('of a plain user are removed with the ids of its sandbox', async () => {
    const uid = 4377;
    await addPlainUser(directory, uid, 700_000);
    const own = mkdtempSync('/var/lib/launcher-files-of-');
    execFileSync('chown', [`${uid}:${uid}`, own]);
    const map = [
      { inside: 0, outside: uid, count: 1 },
      { inside: 1, outside: 700_000, count: 65_535 },
    ];
    const tree = join(own, 'tree');
    const launch = bareLaunch(['/bin/sh', '-c', `cd ${tree} && mkdir -p a/b && touch a/b/file && chown -R 5:5 a && stat -c %u a`], {
      userNamespace: { writer: 'newidmap', uidMap: map, gidMap: map, newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' },
      files: [{ kind: 'directory', path: tree, mode: 0o700, existing: 'refused', end: 'removed' }],
    });
    const record = join(own, 'record');
    writeFileSync(record, encodeLaunchRecord(launch, { supervised: false }), { mode: 0o644 });
    const words = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', 'sh', '-c', 'exec "$0" 3 4 3< "$1" 4> /dev/null'];
    const { status, stdout, stderr } = spawnSync('setpriv', [...words, await launcherPath(), record], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stdout, stderr, left: readdirSync(own) }).toEqual({ status: 0, stdout: '5\n', stderr: '', left: ['record'] });
    rmSync(own, { recursive: true });
  });
});

describe('what is to be done at the end of a launch', () => {
  const atEnd = (...operations: readonly EndOperation[]): Launch => bareLaunch(['/bin/sh', '-c', 'exit 3'], { atEnd: operations });

  it('is done from the last to the first, and what is gone is passed over', async () => {
    writeFileSync(place('claim'), 'claim');
    writeFileSync(place('leased'), 'clone');
    const launch = atEnd(
      { kind: 'note', path: place('signal'), content: 'second\n' },
      { kind: 'move', path: place('leased'), to: place('retired') },
      { kind: 'move', path: place('no'), to: place('such') },
      { kind: 'unlink', path: place('claim') },
      { kind: 'unlink', path: place('none') },
      { kind: 'note', path: place('signal'), content: 'the first, which is longer\n' },
      { kind: 'note', path: place('gone/signal'), content: '' },
    );
    expect((await run(launch)).result).toEqual({ kind: 'exited', code: 3 });
    expect(Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(place(name), 'utf8')]))).toEqual({
      retired: 'clone',
      signal: 'second\n',
    });
  });

  it('is done where the launch fails', async () => {
    writeFileSync(place('claim'), 'claim');
    await expect(run(bareLaunch(['/no/such'], { atEnd: [{ kind: 'unlink', path: place('claim') }] }))).rejects.toThrow('while executing');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('follows no link to a file that is to be written', async () => {
    writeFileSync(place('other'), 'other');
    symlinkSync('other', place('signal'));
    await run(atEnd({ kind: 'note', path: place('signal'), content: 'signal' }));
    expect(readFileSync(place('other'), 'utf8')).toBe('other');
  });

  it.each(['bare', 'init'] as const)('starts a program after a command that was started %s', async (wrapping) => {
    const start = { kind: 'start', path: '/bin/touch', words: Buffer.from(`${place('started')}\0`), boot: readBootId() } as const;
    const launch = wrappedLaunch(wrapping, ['/bin/true'], { atEnd: [{ ...start, claim: place('tidying.') }] });
    await run(launch);
    await expect.poll(() => existsSync(place('started'))).toBe(true);
  });

  it('starts a program that goes on by itself, but no second one while the first lives', async () => {
    const boot = readBootId();
    mkdirSync(place('claims'));
    // Of a process that is dead, of one that started at another time, and of another boot.
    const { pid, startTime } = readOwnHolder();
    const stale = [`tidying.1.4194304.1.${boot}`, `tidying.1.${pid}.1.${boot}`, `tidying.1.${pid}.${startTime}.another`];
    for (const name of stale) writeFileSync(place(`claims/${name}`), '');
    writeFileSync(
      place('program'),
      `#!/bin/sh\necho "$# $1 $2 $(tr '\\0' ';' < /proc/$$/environ)" >> ${directory}/started\nexec sleep 1000\n`,
      { mode: 0o755 },
    );
    const told = '2 a b  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin;\n';
    const start = { kind: 'start', path: place('program'), words: Buffer.from('a b\0\0'), claim: place('claims/tidying.'), boot } as const;
    await run(atEnd(start));
    const claims = readdirSync(place('claims')).filter((name) => !stale.includes(name));
    const [started] = claims.map((name) => Number(name.split('.')[2]));
    if (started === undefined) throw new Error('no program was started');
    try {
      expect(claims).toEqual([`tidying.1.${started}.${readHolder(started)?.startTime}.${boot}`]);
      await expect.poll(() => existsSync(place('started')) && readFileSync(place('started'), 'utf8')).toBe(told);
      await run(atEnd(start));
      expect(readFileSync(place('started'), 'utf8')).toBe(told);
    } finally {
      process.kill(started, 'SIGKILL');
    }
  });
});
