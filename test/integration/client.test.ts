import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statfsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { renderError } from '../../src/cli/render-error.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { encodeMessage, type Item, type Message, values } from '../../src/wire/frame.ts';
import { finished, type Finished } from '../rig/isolate.ts';
import { answerClients, installClient, nodeOf, type Talk } from '../rig/client.ts';
import { bareLaunch, bwrapLaunch, initLaunch, launcherPath, run } from '../rig/launches.ts';
import { startPty } from '../rig/pty.ts';

beforeAll(async () => void (await launcherPath()));

const record = (launch: Launch, supervised = false): Uint8Array => encodeLaunchRecord(launch, { supervised });
const launchItems = (launch: Launch): Item[] => [{ name: 'record', value: record(launch) }];

interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly client?: string;
}

async function start(args: readonly string[], { client, uid, ...options }: StartOptions = {}): Promise<ChildProcess> {
  const child = spawn(client ?? (await installClient()), args, { env: {}, ...options, ...(uid === undefined ? {} : { uid, gid: uid }) });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function end(args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  const child = await start(args, options);
  child.stdin?.end();
  return await finished(child);
}

/** A directory with a file that is larger than what is copied. */
function large(): string {
  const directory = mkdtempSync(join(tmpdir(), 'large-'));
  writeFileSync(join(directory, 'large'), Buffer.alloc(8 * 1024 * 1024 + 1));
  return directory;
}

/** What the program in Node's place prints for these arguments. */
const byNode = (...args: readonly string[]): Finished => ({
  status: 42,
  signal: null,
  stdout: `node:\n${Buffer.from(args.map((argument) => `${argument}\0`).join('')).toString('hex')}\n`,
  stderr: '',
});

/** A daemon that answers a run with this launch, and what the client said until it closed. */
async function answerWith(launch: Launch): Promise<{ readonly heard: Promise<readonly (Message | null)[]> }> {
  const { promise, resolve } = Promise.withResolvers<readonly (Message | null)[]>();
  await answerClients(async (talk) => {
    const first = await talk.next();
    talk.send('launch', launchItems(launch));
    resolve([first, await talk.next(), await talk.next()]);
    talk.end();
  });
  return { heard: promise };
}

describe('the client', () => {
  it('goes on without a daemon that accepts it and never answers', async () => {
    const connected = await answerClients(() => {});
    expect(await end(['status'])).toEqual(byNode('status'));
    expect(connected()).toBe(1);
  });

  it('waits for a daemon that shows that it is alive', async () => {
    await answerClients(async (talk) => {
      await talk.next();
      // Together longer than it waits for one of them.
      for (let sign = 0; sign < 6; sign += 1) {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        talk.send('message', [{ name: 'text', value: '' }]);
      }
      talk.send('launch', launchItems(bareLaunch(['/bin/sh', '-c', 'exit 7'])));
    });
    expect(await end(['-z', 'tank/t', 'true'])).toEqual({ status: 7, signal: null, stdout: '', stderr: '' });
  });

  it('tells the daemon its arguments, directory, variables and terminals, and carries out the launch', async () => {
    const { heard } = await answerWith(bareLaunch(['/bin/sh', '-c', 'echo out; echo err >&2; cat; exit 7']));
    const child = await start(['-z', 'tank/t', '--', 'a', '', 'ü\n'], { cwd: '/usr', env: { TERM: 'x', SECRET: 's', LXC_NET_BR: '' } });
    child.stdin?.end('in');
    expect(await finished(child)).toEqual({ status: 7, signal: null, stdout: 'out\nin', stderr: 'err\n' });
    expect(await heard).toEqual([
      {
        name: 'run',
        items: [
          ...['-z', 'tank/t', '--', 'a', '', 'ü\n'].map((value) => ({ name: 'argument', value })),
          { name: 'directory', value: '/usr' },
          { name: 'variable', value: 'TERM=x' },
          { name: 'variable', value: 'LXC_NET_BR=' },
          { name: 'terminal', value: 0 },
        ],
      },
      ended(2, 7),
      null,
    ]);
  });

  it.each([
    ['exits', bareLaunch(['/bin/sh', '-c', 'exit 255']), 255, '', [2, 255]],
    ['is killed', bareLaunch(['/bin/sh', '-c', 'kill -9 $$']), 137, '', [3, 9]],
    ['is killed in the init of a process namespace', initLaunch(['sh', '-c', 'kill -15 $$']), 143, '', [3, 15]],
    ['is not found', initLaunch(['no-such']), 127, 'isolate: no-such: command not found\n', [5, 2]],
    ['cannot be executed', initLaunch(['/etc/passwd']), 126, 'isolate: /etc/passwd: Permission denied\n', [5, 13]],
  ] as const)('has the status of a command that %s', async (_, launch, status, stderr, [kind, number]) => {
    const { heard } = await answerWith(launch);
    expect(await end([])).toEqual({ status, signal: null, stdout: '', stderr });
    expect((await heard).slice(1)).toEqual([ended(kind, number), null]);
  });

  const missing = {
    kind: 'bind',
    source: '/no/\u001b[1m',
    recursive: false,
    readOnly: false,
    noSuid: false,
    noDev: false,
    idmap: 'none',
  } as const;
  it.each<[string, Launch]>([
    ['an executable', bareLaunch(['/no/such'])],
    ['a directory', bareLaunch(['/bin/true'], { workingDirectory: '/no/\u0085ü\u202e\u061c' })],
    ['a root', bareLaunch(['/bin/true'], { root: '/etc/passwd' })],
    ['a mount', bareLaunch(['/bin/true'], { mountNamespace: true, hostMounts: [{ ...missing, target: '/mnt', create: 'none' }] })],
    [
      'a mount beneath a root',
      bareLaunch(['/bin/true'], {
        mountNamespace: true,
        hostMounts: [{ kind: 'mkdir', path: '/tmp', mode: 0o755 }],
        sandboxMounts: [{ ...missing, root: '/usr', target: '/x', create: 'directory' }],
      }),
    ],
    ['a directory to make', bareLaunch(['/bin/true'], { mountNamespace: true, hostMounts: [{ kind: 'mkdir', path: '/no/x', mode: 0 }] })],
    [
      'a place to make',
      bareLaunch(['/bin/true'], {
        mountNamespace: true,
        hostMounts: [{ kind: 'make', root: '/no', target: '/x', create: 'file' }],
      }),
    ],
    [
      'a file small enough to copy',
      bareLaunch(['/bin/true'], {
        mountNamespace: true,
        hostMounts: [
          { kind: 'mount', type: 'tmpfs', source: 'none', target: '/mnt', flags: [], options: '' },
          { ...missing, source: large(), target: '/mnt', create: 'none', recursive: true },
          { kind: 'copy', root: '/mnt', source: '/large', target: '/mnt/copy', otherwise: '', line: '' },
        ],
      }),
    ],
    ['a descriptor', bareLaunch(['/bin/true'], { descriptors: [{ number: 9, kind: 'file', path: '/no/such' }] })],
    ['a group', bareLaunch(['/bin/true'], { cgroups: [{ path: '/no/group', settings: [] }] })],
    ['a setting', bareLaunch(['/bin/true'], { cgroups: [{ path: join(tmpdir(), 'group'), settings: [{ file: 'x', value: '1' }] }] })],
    ['a filter', bareLaunch(['/bin/true'], { seccompFilter: '/no/filter' })],
    ['a filter of no length', bareLaunch(['/bin/true'], { seccompFilter: '/dev/null' })],
    ['an engine', bwrapLaunch(['true'], {}, '/no/such')],
  ])('says of a launch that fails for want of %s what Node says', async (_, launch) => {
    const error = await run(launch).then(
      () => new Error('It started.'),
      (thrown: unknown) => thrown,
    );
    const { heard } = await answerWith(launch);
    const { stderr, ...outcome } = await end([]);
    expect(outcome).toEqual({ status: 125, signal: null, stdout: '' });
    // What an engine says itself comes before.
    expect(stderr.slice(stderr.indexOf('isolate: '))).toBe(renderError(error, false));
    expect((await heard)[1]).toMatchObject({ name: 'ended', items: [{ name: 'outcome', value: 4 }, {}] });
  });

  it('passes signals on to the command, even those that it was started to ignore', async () => {
    await answerWith(
      bareLaunch([
        '/bin/sh',
        '-c',
        'trap "echo hup" HUP; trap "echo int" INT; trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.05; done',
      ]),
    );
    const client = await installClient();
    const child = spawn('/bin/sh', ['-c', 'trap "" HUP INT; exec "$0"', client], { env: {} });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const said = async (line: string): Promise<void> => {
      while (!output.includes(line)) await once(child.stdout, 'data');
    };
    await said('ready\n');
    for (const [signal, line] of [
      ['SIGHUP', 'hup\n'],
      ['SIGINT', 'int\n'],
      ['SIGTERM', 'term\n'],
    ] as const) {
      child.kill(signal);
      await said(line);
    }
    const [status] = (await once(child, 'close')) as [number];
    expect([status, output]).toEqual([3, 'ready\nhup\nint\nterm\n']);
  });

  it('gives the command a terminal of its own', async () => {
    const { heard } = await answerWith(initLaunch(['sh', '-c', 'tty; stty size; read line; echo "<$line>"; exit 5'], {}));
    const pty = await startPty([await installClient(), 'x']);
    await pty.see('24 80');
    pty.type('hello\r');
    await pty.see('<hello>');
    expect((await pty.ended) >> 8).toBe(5);
    expect(values((await heard)[0] as Message, 'terminal')).toEqual([7]);
  });

  it('continues the run when the daemon goes away', async () => {
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('launch', launchItems(bareLaunch(['/bin/sh', '-c', 'echo ready; read line; echo "$line"; exit 9'])));
    });
    const child = await start([]);
    await once(child.stdout!, 'data');
    const rest = finished(child);
    child.stdin?.end('on\n');
    expect(await rest).toEqual({ status: 9, signal: null, stdout: 'on\n', stderr: '' });
  });

  it('passes only the standard streams to the command', async () => {
    await answerWith(bareLaunch(['/bin/sh', '-c', 'ls /proc/self/fd; umask; pwd; env | sort'], { workingDirectory: '/usr' }));
    const client = await installClient();
    const { stdout } = await finished(
      spawn('/bin/bash', ['-c', 'umask 077; exec 5</dev/null 201</dev/null; exec "$0"', client], { env: { LEAK: '1' } }),
    );
    expect(stdout).toBe('0\n1\n2\n3\n0022\n/usr\nPATH=/usr/bin:/bin\nPWD=/usr\n');
  });

  it('gives the command nothing where the caller’s standard streams are closed', async () => {
    await answerWith(bareLaunch(['/bin/sh', '-c', 'cat; readlink /proc/self/fd/0 /proc/self/fd/2 >&1; exit 6']));
    const script = 'exec "$0" <&- 2>&-';
    const child = spawn('/bin/sh', ['-c', script, await installClient()], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(await finished(child)).toEqual({ status: 6, signal: null, stdout: '/dev/null\n/dev/null\n', stderr: '' });
  });

  it('prints messages at once, and a refusal with its status', async () => {
    const said = Promise.withResolvers<void>();
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('message', [{ name: 'text', value: 'isolate: waiting\n' }]);
      await said.promise;
      const items: Item[] = [
        { name: 'status', value: 3 },
        { name: 'text', value: 'isolate: no\nhint: later\n' },
        { name: 'json', value: '{}' },
      ];
      talk.send('refuse', items);
    });
    const child = await start([]);
    const [first] = (await once(child.stderr!, 'data')) as [Buffer];
    said.resolve();
    expect([first.toString(), await finished(child)]).toEqual([
      'isolate: waiting\n',
      { status: 3, signal: null, stdout: '', stderr: 'isolate: no\nhint: later\n' },
    ]);
  });
});

describe('the client that is asked', () => {
  const ask = async (items: readonly Item[], options: StartOptions = {}): Promise<readonly Item[] | null> => {
    const answer = Promise.withResolvers<Message | null>();
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('ask', items);
      answer.resolve(await talk.next());
      talk.send('fallback');
    });
    expect(await end([], options)).toEqual(byNode());
    return (await answer.promise)?.items ?? null;
  };

  it('answers in the order of the protocol, with its own rights and environment', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'asked-'));
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, 'mine'), Buffer.of(0, 255, 10));
    writeFileSync(join(directory, 'roots'), 'x', { mode: 0o600 });
    writeFileSync(join(directory, 'long'), Buffer.alloc(262_145));
    writeFileSync(join(directory, 'full'), Buffer.alloc(262_144, 'y'));
    symlinkSync('mine', join(directory, 'link'));
    chownSync(join(directory, 'mine'), 1234, 99);
    const path = (name: 'stat-path' | 'read-path', file: string): Item => ({ name, value: join(directory, file) });
    const answer = await ask(
      [
        { name: 'variable-name', value: 'A' },
        path('read-path', 'link'),
        path('stat-path', 'link'),
        path('read-path', 'roots'),
        { name: 'variable-name', value: 'NONE' },
        path('stat-path', 'none'),
        path('read-path', 'long'),
        path('read-path', 'full'),
        path('read-path', '.'),
        { name: 'variable-name', value: 'EMPTY' },
      ],
      { uid: 1234, env: { AB: 'x', A: 'ü=1', EMPTY: '' } },
    );
    const [facts, ...rest] = answer ?? [];
    const [mode, uid, gid, type, , , inode] = new Uint32Array(new Uint8Array(facts?.value as Uint8Array).buffer);
    expect([facts?.name, mode, uid, gid, type]).toEqual(['path-facts', 0o100644, 1234, 99, statfsSync(directory).type]);
    expect(inode).toBe(statSync(join(directory, 'mine')).ino % 2 ** 32);
    expect(rest).toEqual([
      { name: 'missing', value: 2 },
      { name: 'file-content', value: Buffer.of(0, 255, 10) },
      { name: 'missing', value: 13 },
      { name: 'missing', value: 27 },
      { name: 'file-content', value: Buffer.alloc(262_144, 'y') },
      { name: 'missing', value: 21 },
      { name: 'variable', value: 'A=ü=1' },
      { name: 'missing', value: 2 },
      { name: 'variable', value: 'EMPTY=' },
    ]);
  });

  it('leaves a run to Node if it needs a file that can be read only once', async () => {
    const pipe = join(mkdtempSync(join(tmpdir(), 'asked-')), 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await ask([{ name: 'read-path', value: pipe }])).toBeNull();
  });

  it('leaves a run to Node if its answer would be too large', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'asked-')), 'full');
    writeFileSync(file, Buffer.alloc(262_144));
    expect(await ask(Array.from({ length: 4 }, (): Item => ({ name: 'read-path', value: file })))).toBeNull();
  });
});

describe('the client before the launch', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('does not start the run after %s', async (signal) => {
    const asked = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<Message | null>();
    await answerClients(async (talk) => {
      await talk.next();
      asked.resolve();
      heard.resolve(await talk.next());
    });
    const child = await start([]);
    await asked.promise;
    child.kill('SIGUSR1');
    child.kill(signal);
    expect(await finished(child)).toEqual({
      status: 125,
      signal: null,
      stdout: '',
      stderr: `isolate: ${signal} arrived before the command started.\n`,
    });
    expect(await heard.promise).toBeNull();
  });

  const garbage: Record<string, (talk: Talk) => void> = {
    'says that Node shall do it': (talk) => talk.send('fallback'),
    'closes at once': (talk) => talk.end(),
    'sends garbage': (talk) => talk.raw(Buffer.alloc(100, 'x')),
    'sends half a frame': (talk) => {
      talk.raw(encodeMessage('launch', launchItems(bareLaunch(['/bin/true']))).subarray(0, 40));
      setImmediate(() => talk.end());
    },
    'sends half a header': (talk) => {
      talk.raw(encodeMessage('fallback').subarray(0, 5));
      setImmediate(() => talk.end());
    },
    'sends a message of a client': (talk) => talk.raw(encodeMessage('mount')),
    'sends a message that has no place here': (talk) => talk.send('text', [{ name: 'json', value: '{}' }]),
    'sends a frame that is too long': (talk) => talk.raw(Buffer.from('49534f4d010021000000ffff', 'hex')),
    'sends another version': (talk) => talk.raw(Buffer.from('49534f4d0200230000000000', 'hex')),
    'sends an item that is cut off': (talk) => talk.raw(Buffer.from('49534f4d010021000400000014000000', 'hex')),
    'sends a record that is malformed': (talk) =>
      talk.send('launch', [{ name: 'record', value: record(bareLaunch(['/bin/true'])).subarray(0, -1) }]),
    'sends a record for a supervising parent': (talk) =>
      talk.send('launch', [{ name: 'record', value: record(bareLaunch(['/bin/true']), true) }]),
  };
  it.each(Object.entries(garbage))('leaves the run to Node if the daemon %s', async (_, answer) => {
    const connections = await answerClients(async (talk) => {
      await talk.next();
      answer(talk);
    });
    expect(await end(['a', '', 'b c\n'])).toEqual(byNode('a', '', 'b c\n'));
    expect(connections()).toBe(1);
  });

  it.each<[string, () => void]>([
    ['there is no socket', () => rmSync('/run/isolate/isolated.sock')],
    ['the socket is not root’s', () => chownSync('/run/isolate/isolated.sock', 1234, 0)],
    [
      'the socket is a link',
      () => {
        rmSync('/run/isolate/link.sock', { force: true });
        symlinkSync('/run/isolate/isolated.sock', '/run/isolate/link.sock');
        rmSync('/run/isolate/isolated.sock');
        symlinkSync('link.sock', '/run/isolate/isolated.sock');
      },
    ],
    [
      'others may write its directory',
      () => {
        chmodSync('/run/isolate', 0o775);
        onTestFinished(() => chmodSync('/run/isolate', 0o755));
      },
    ],
    [
      'the directory is not root’s',
      () => {
        chownSync('/run/isolate', 1234, 0);
        onTestFinished(() => chownSync('/run/isolate', 0, 0));
      },
    ],
  ])('asks nobody if %s', async (_, spoil) => {
    const connections = await answerClients((talk) => talk.send('fallback'));
    spoil();
    expect(await end(['a'])).toEqual(byNode('a'));
    expect(connections()).toBe(0);
  });

  it.each<[string, string, string]>([
    ['what is no text', `"$0" "$(printf '\\377\\200')"`, 'ff8000'],
    [
      'more than a message holds',
      '"$0" "$(head -c 120000 /dev/zero | tr "\\0" a)" $(for i in 1 2 3 4 5 6 7 8 9; do head -c 120000 /dev/zero | tr "\\0" a; echo; done)',
      `${'61'.repeat(120_000)}00`.repeat(10),
    ],
    ['children from before it was executed', 'sleep 60 > /dev/null & exec "$0" x', '7800'],
  ])('leaves arguments and processes to Node that it cannot hand on: %s', async (name, script, hex) => {
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('launch', launchItems(bareLaunch(['/bin/echo', 'daemon'])));
    });
    const child = spawn('/bin/sh', ['-c', script, await installClient()], {
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (name.startsWith('children')) process.kill(-(child.pid ?? 0), 'SIGKILL');
    expect(output).toBe(`node:\n${hex}\n`);
  });

  it('is found beside its own file, whatever name and way led to it', async () => {
    const client = await installClient();
    const directory = mkdtempSync(join(tmpdir(), 'links-'));
    chmodSync(directory, 0o755);
    symlinkSync(client, join(directory, 'other'));
    mkdirSync(join(directory, 'bin'));
    symlinkSync('../other', join(directory, 'bin/isolate'));
    const options = { cwd: directory, env: { PATH: `${join(directory, 'bin')}:/usr/bin:/bin` } };
    for (const path of ['other', 'isolate', './bin/isolate']) {
      const file = path === 'other' ? './other' : path;
      expect(await finished(spawn(file, ['a'], { ...options, stdio: ['ignore', 'pipe', 'pipe'] }))).toMatchObject({
        status: 42,
        stderr: '',
      });
    }
    const named = spawn(client, ['a'], { argv0: '', stdio: ['ignore', 'pipe', 'pipe'] });
    expect(await finished(named)).toMatchObject({ status: 42, stderr: '' });
  });

  it('leaves the inherited signals as they were', async () => {
    const client = await installClient('#!/bin/sh\nexec grep -E "^Sig(Blk|Ign)" /proc/self/status\n');
    const masks = async (command: string): Promise<string> =>
      (
        await finished(
          spawn('/bin/sh', ['-c', `trap "" HUP USR2; ${command}`, client, nodeOf(client)], { stdio: ['ignore', 'pipe', 'pipe'] }),
        )
      ).stdout;
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('fallback');
    });
    expect(await masks('exec "$0"')).toBe(await masks('exec "$1"'));
  });
});

function ended(kind: number, number: number): Message {
  return {
    name: 'ended',
    items: [
      { name: 'outcome', value: kind },
      { name: 'number', value: number },
    ],
  };
}
