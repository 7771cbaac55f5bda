import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Companion, Launch } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { answerClients, installClient } from '../rig/client.ts';
import { finished } from '../rig/isolate.ts';
import { bareLaunch, longGraceMs, run, start, type Wrapping, wrappedLaunch } from '../rig/launches.ts';

const wrappings: readonly Wrapping[] = ['bare', 'init', 'bwrap'];
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'companions-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A companion that carries out a script of the shell in `directory`. */
function companion(script: string, changes: Partial<Companion> = {}): Companion {
  return {
    name: 'helper',
    identity: 'caller',
    file: '/bin/sh',
    args: ['sh', '-c', script],
    environment: { PATH: '/usr/bin:/bin' },
    descriptors: [],
    workingDirectory: directory,
    noNewPrivileges: false,
    seccompFilter: null,
    graceMs: longGraceMs,
    ...changes,
  };
}

const shell = (script: string, companions: readonly Companion[], changes: Partial<Launch> = {}): Launch =>
  bareLaunch(['/bin/sh', '-c', script], { companions, workingDirectory: directory, ...changes });

const written = (name: string): string => readFileSync(join(directory, name), 'utf8');
const pidsController = '/sys/fs/cgroup/pids';
const forever = 'sleep 1000';
/** Is ready at once, goes on until it is asked to end, and then leaves a word. */
const untilTerm = (word: string): string => `trap 'echo ${word} >> ended; exit' TERM; printf r >&5; ${forever} & wait`;
const exited = { kind: 'exited', code: 0 };

describe('a companion', () => {
  it.each(wrappings)('is there before the command is started %s, and gone with it', async (wrapping) => {
    const launch = wrappedLaunch(wrapping, ['/bin/cat', join(directory, 'pid')], {
      companions: [companion(`echo $$ > pid; printf r >&5; ${forever}`, { descriptors: [{ number: 5, kind: 'ready' }] })],
    });
    const { result, stdout } = await run(launch);
    expect({ result, stdout }).toEqual({ result: exited, stdout: written('pid') });
    // In a process namespace its own number is another one there.
    if (wrapping !== 'init') expect(() => process.kill(Number(stdout), 0)).toThrow('ESRCH');
  });

  it('is started when those before it are ready, and asked to end when the command has ended', async () => {
    const first = companion(`echo first >> order; ${untilTerm('first')}`, { descriptors: [{ number: 5, kind: 'ready' }] });
    const second = companion(`echo second >> order; ${untilTerm('second')}`, {
      descriptors: [{ number: 5, kind: 'ready' }],
    });
    expect((await run(shell('cat order; echo command >> order', [first, second]))).stdout).toBe('first\nsecond\n');
    expect({ order: written('order'), ended: written('ended').split('\n').toSorted() }).toEqual({
      order: 'first\nsecond\ncommand\n',
      ended: ['', 'first', 'second'],
    });
  });

  it('is ready when its socket is there', async () => {
    const listen = `exec perl -MIO::Socket::UNIX -e 'sleep 0.1; $s = IO::Socket::UNIX->new(Local => "socket", Listen => 1); sleep 1000'`;
    const launch = shell('[ -S socket ] && echo there', [companion(listen, { readySocket: join(directory, 'socket') })]);
    expect((await run(launch)).stdout).toBe('there\n');
  });

  it('is in a session of its own, with nothing on standard input and output, and says on standard error what it has to', async () => {
    const script = `cat; echo lost; echo said >&2; { ps -o sid= -p $$ | tr -d ' '; echo $$; } > session; printf r >&5; ${forever}`;
    const { stdout, stderr } = await run(shell('echo out', [companion(script, { descriptors: [{ number: 5, kind: 'ready' }] })]));
    const [session, pid] = written('session').split('\n');
    expect({ stdout, stderr, session }).toEqual({ stdout: 'out\n', stderr: 'said\n', session: pid });
  });

  it('inherits no descriptor that is not planned for it', async () => {
    const script = `for n in $(seq 0 999); do [ -e /proc/$$/fd/$n ] && echo $n >&2; done; printf r >&5; ${forever}`;
    const { stderr } = await run(shell('true', [companion(script, { descriptors: [{ number: 5, kind: 'ready' }] })]));
    expect(stderr).toBe('0\n1\n2\n5\n');
  });

  it('talks over a channel with the command, which sees the end of one that ends', async () => {
    const descriptors = [
      { number: 4, kind: 'channel', channel: 3, end: 1 },
      { number: 5, kind: 'ready' },
    ] as const;
    const script = `printf r >&5; read line <&4; echo "heard $line" >&4; exec 4>&-; ${forever}`;
    const launch = shell('echo hello >&7; cat <&7', [companion(script, { descriptors })], {
      descriptors: [{ number: 7, kind: 'channel', channel: 3, end: 0 }],
    });
    expect((await run(launch)).stdout).toBe('heard hello\n');
  });

  it('talks over a channel with another companion', async () => {
    const end = (number: 0 | 1) => [
      { number: 4, kind: 'channel', channel: 0, end: number } as const,
      { number: 5, kind: 'ready' } as const,
    ];
    const first = companion(`printf r >&5; echo hello >&4; ${forever}`, { descriptors: end(0) });
    const second = companion(`read line <&4; echo "$line" > heard; printf r >&5; ${forever}`, { descriptors: end(1) });
    expect((await run(shell('cat heard', [first, second]))).stdout).toBe('hello\n');
  });

  it('has the sandbox’s ids if planned, else the caller’s', async () => {
    const map = [{ inside: 0, outside: 100_000, count: 1000 }];
    const show = `cat /proc/self/uid_map | tr -s ' ' >&2; id -u >&2; printf r >&5; ${forever}`;
    const companions = (['sandbox', 'caller'] as const).map((identity) =>
      companion(show, { identity, workingDirectory: '/', descriptors: [{ number: 5, kind: 'ready' }] }),
    );
    const { stderr } = await run(
      shell('true', companions, { workingDirectory: '/', userNamespace: { writer: 'direct', uidMap: map, gidMap: map } }),
    );
    expect(stderr).toBe(' 0 100000 1000\n0\n 0 0 4294967295\n0\n');
  });

  it.each<[string, () => Companion, string]>([
    ['cannot be executed', () => companion('', { file: '/nowhere' }), 'while starting the companion helper: no such file or directory'],
    [
      'has no directory to be in',
      () => companion('', { workingDirectory: '/nowhere' }),
      'while starting the companion helper: no such file or directory',
    ],
    [
      'ends before it is ready',
      () => companion('exit 3', { descriptors: [{ number: 5, kind: 'ready' }] }),
      'because the companion helper ended',
    ],
    ['ends while the command runs', () => companion('until [ -e begun ]; do sleep 0.01; done'), 'because the companion helper ended'],
  ])('that %s ends the run, and those that were started before it', async (_, failing, cause) => {
    const before = companion(untilTerm('before'), { descriptors: [{ number: 5, kind: 'ready' }] });
    const failure = await run(shell(`touch begun; ${forever}`, [before, failing()])).catch((error: unknown) => (error as Error).message);
    expect({ failure, ended: written('ended') }).toEqual({ failure: `The launch failed ${cause}.`, ended: 'before\n' });
  });

  it.each(wrappings)('that ends because the command %s has ended changes nothing about the outcome', async (wrapping) => {
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    const launch = wrappedLaunch(wrapping, ['/bin/sh', '-c', `exec 9> ${directory}/pipe; exit 7`], {
      companions: [companion('exec cat pipe')],
    });
    const results = [];
    while (results.length < 20) results.push(await run(launch).then(({ result }) => result, String));
    expect(results).toEqual(results.map(() => ({ kind: 'exited', code: 7 })));
  });

  it('that fails is reported by the client in the same words', async () => {
    const launches = [companion('', { file: '/nowhere' }), companion('exit 3')].map((failing) => shell(forever, [failing]));
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(launches.shift()!, { supervised: false }) }]);
    });
    const client = async () => await finished(spawn(await installClient(), [], { stdio: ['ignore', 'pipe', 'pipe'], env: {} }));
    const failed = { status: 125, signal: null, stdout: '' };
    expect([await client(), await client()]).toEqual([
      { ...failed, stderr: 'isolate: The launch failed while starting the companion helper: no such file or directory.\n' },
      { ...failed, stderr: 'isolate: The launch failed because the companion helper ended.\n' },
    ]);
  });

  it('is not waited for when the run is told to end before it is ready', async () => {
    const descriptors = [{ number: 5, kind: 'ready' }] as const;
    const handle = await start(shell('echo begun', [companion(`echo here >&2; ${forever}`, { descriptors })]));
    await new Promise<void>((resolve) => handle.stderr?.once('data', () => resolve()));
    handle.forward('SIGTERM');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGTERM' });
  });

  it('that ignores SIGTERM is killed when its time is over', async () => {
    const launch = shell('true', [
      companion(`trap '' TERM; echo $$ > pid; printf r >&5; ${forever}`, { graceMs: 50, descriptors: [{ number: 5, kind: 'ready' }] }),
    ]);
    expect((await run(launch)).result).toEqual(exited);
    expect(() => process.kill(Number(written('pid')), 0)).toThrow('ESRCH');
  });

  it.runIf(existsSync(pidsController))('is in the cgroups of the run', async () => {
    const name = `isolate-companions-${process.pid}`;
    const script = `grep -o ${name} /proc/self/cgroup >&2; printf r >&5; ${forever}`;
    const { stdout, stderr } = await run(
      shell(`grep -o ${name} /proc/self/cgroup`, [companion(script, { descriptors: [{ number: 5, kind: 'ready' }] })], {
        cgroups: [{ path: `${pidsController}/${name}`, settings: [] }],
      }),
    );
    const left = existsSync(`${pidsController}/${name}`);
    expect({ command: stdout, companion: stderr, left }).toEqual({ command: `${name}\n`, companion: `${name}\n`, left: false });
  });
});
