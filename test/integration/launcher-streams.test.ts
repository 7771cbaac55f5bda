import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { answerWithLaunches, installClient } from '../rig/client.ts';
import { compileStatic } from '../rig/compile.ts';
import { launcherPath, run, start, type Wrapping, wrappedLaunch } from '../rig/launches.ts';

const wrappings: readonly Wrapping[] = ['bare', 'init', 'bwrap'];
let directory = '';
let traces = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'streams-'));
  chmodSync(directory, 0o755);
  traces = await compileStatic(join(import.meta.dirname, '../rig/stream-traces.c'));
  execFileSync('mkfifo', [join(directory, 'fifo')]);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Opened for the test alone. */
function open(path: string, flags: string | number): number {
  const descriptor = openSync(path, flags);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

/** What others can see of an open file. */
function stateOf(descriptor: number): string {
  return spawnSync(traces, ['state'], { stdio: [descriptor, 'pipe', 'inherit'], encoding: 'utf8' }).stdout;
}

/** A pipe, a file to read and write, a log that is appended to. */
function openStreams(): { readonly stdin: number; readonly stdout: number; readonly stderr: number } {
  writeFileSync(join(directory, 'file'), 'content\n');
  return {
    stdin: open(join(directory, 'fifo'), 'r+'),
    stdout: open(join(directory, 'file'), 'r+'),
    stderr: open(join(directory, 'log'), 'a'),
  };
}

describe.each(wrappings)('a command started %s', (wrapping) => {
  it.each(['spoil', 'die'])('leaves flags, owners, sizes and locks of the streams as they were (%s)', async (mode) => {
    const streams = openStreams();
    const before = Object.values(streams).map(stateOf);
    const { result } = await run(wrappedLaunch(wrapping, [traces, mode]), { stdio: streams });
    expect({ result, after: Object.values(streams).map(stateOf) }).toEqual({
      result: mode === 'die' ? { kind: 'killed', signal: 'SIGKILL' } : { kind: 'exited', code: 0 },
      after: before,
    });
  });

  it('keeps a lock that its caller had', async () => {
    const streams = openStreams();
    execFileSync('flock', ['0'], { stdio: [streams.stdout, 'inherit', 'inherit'] });
    const before = stateOf(streams.stdout);
    await run(wrappedLaunch(wrapping, ['/bin/true']), { stdio: streams });
    expect({ locks: before.endsWith(' locks 1\n'), after: stateOf(streams.stdout) }).toEqual({ locks: true, after: before });
  });
});

it('the client restores the streams too', async () => {
  await answerWithLaunches();
  const client = await installClient();
  const streams = openStreams();
  const before = Object.values(streams).map(stateOf);
  const env = { ...process.env, ISOLATE_TEST_LAUNCHER: await launcherPath() };
  const child = spawn(client, ['bwrap', traces, 'die'], { stdio: [streams.stdin, streams.stdout, streams.stderr], env });
  const [status] = (await once(child, 'close')) as [number];
  expect({ status, after: Object.values(streams).map(stateOf) }).toEqual({ status: 137, after: before });
});

describe('a launch whose streams have to be contained', () => {
  const launch = wrappedLaunch('bwrap', ['/bin/echo', 'ran'], { containedStreams: true });

  it.each([
    ['a directory', () => open(directory, 'r'), 'illegal operation on a directory'],
    ['a path', () => open('/etc/hostname', 0o10_000_000), 'bad file descriptor'],
    ['a namespace', () => open('/proc/self/ns/net', 'r'), 'invalid argument'],
  ] as const)('is refused with %s as a stream, whichever it is', async (_, make, reason) => {
    for (const name of ['stdin', 'stdout', 'stderr'] as const) {
      const stdio = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', [name]: make() } as const;
      const words = { stdin: 'input', stdout: 'output', stderr: 'error' }[name];
      await expect(run(launch, { stdio })).rejects.toMatchObject({
        code: 'launch-failed',
        message: `The launch failed at standard ${words}: ${reason}.`,
      });
    }
  });

  it('accepts files, pipes, devices and unix sockets', async () => {
    const descriptors = [open(join(directory, 'fifo'), 'r+'), open('/etc/hostname', 'r'), open('/dev/zero', 'r')];
    // A pipe of Node's is a pair of sockets.
    for (const stdin of ['pipe', ...descriptors] as const) {
      const handle = await start(launch, { stdio: { stdin, stdout: 'pipe', stderr: 'pipe' } });
      const [stdout, result] = await Promise.all([text(handle.stdout!), handle.result]);
      expect({ stdout, result }).toEqual({ stdout: 'ran\n', result: { kind: 'exited', code: 0 } });
    }
  });
});

describe('where nothing says that streams have to be contained', () => {
  it('a directory is passed on', async () => {
    const { stdout } = await run(wrappedLaunch('init', ['/bin/ls', '/proc/self/fd/0/']), {
      stdio: { stdin: open(directory, 'r'), stdout: 'pipe', stderr: 'pipe' },
    });
    expect(stdout.split('\n')).toContain('fifo');
  });
});
