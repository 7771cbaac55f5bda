import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { channelVersion, frameBytes, type FrameName, frames, windowBytes } from '../../src/machine/schema.ts';
import { compileStatic } from '../rig/compile.ts';
import { ended, type Finished, finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { machineProcesses } from '../rig/machines.ts';
import { descendants } from '../rig/process-tree.ts';
import { temporaryTemplate } from '../rig/template.ts';

// A program takes the place of QEMU: a machine that is wholly hostile, and one that has broken out.
const qemu = '/usr/bin/qemu-system-x86_64';
let program: string;
let root: string;
beforeAll(async () => {
  program = await compileStatic(join(import.meta.dirname, '../rig/fake-machine.c'));
  root = await temporaryTemplate();
  execFileSync('mount', ['--bind', program, qemu]);
});
afterAll(() => {
  execFileSync('umount', [qemu]);
  rmSync(root, { recursive: true });
});

function frame(name: FrameName, body: readonly number[] | Uint8Array = []): string {
  const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.alloc(4 * body.length);
  if (!(body instanceof Uint8Array)) for (const [index, value] of body.entries()) bytes.writeUInt32LE(value, 4 * index);
  return header(frames[name].kind, bytes.length) + bytes.toString('hex');
}

function header(kind: number, length: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(((kind << 24) | length) >>> 0);
  return bytes.toString('hex');
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const hello = frame('hello', [channelVersion]);
const started = frame('started');
const exited = (status: number): string => frame('exited', [status]);
const words = (...more: string[]): string[] => ['-q', '-e', 'kvm', '-t', root, '--ephemeral', ...more, 'true'];

function follow(script: readonly string[]): void {
  writeFileSync(join(root, 'script'), script.map((order) => `${order}\n`).join(''));
}

async function run(script: readonly string[], options: readonly string[] = []): Promise<Finished> {
  follow(script);
  return await isolate(words(...options));
}

const refused = "isolate: the machine sent what no machine of isolate's sends, and was ended\n";
const unstarted = 'isolate: kvm could not start the command.\n';

/** What a machine sends once it was told what to start. */
const then = (bytes: string): string[] => [`send ${hello}`, 'read 1', `send ${started}${bytes}`];

test('a machine that keeps to the rules is a run as any other', async () => {
  expect(await run([...then(`${frame('output', text('out\n'))}${frame('errors', text('err\n'))}${exited(7 << 8)}`), 'wait'])).toEqual(
    ended(7, 'out\n', 'err\n'),
  );
});

test('what a machine sent before it ended is all handed on, however much it is and however late it is read', async () => {
  const body = Buffer.alloc(frameBytes, 'x');
  const sent = Array.from({ length: windowBytes / frameBytes }, () => frame('output', body)).join('');
  follow([...then(`${sent}${exited(7 << 8)}`)]);
  const child = startIsolate(words());
  // The pipe takes half of it while nobody reads; the machine is gone by then.
  await expect.poll(() => machineProcesses().map(({ command }) => command.slice(0, 16)), { timeout: 20_000 }).toEqual(['isolate-machine ']);
  const { status, stdout } = await finished(child);
  expect({ status, length: stdout.length }).toEqual({ status: 7, length: windowBytes });
});

test.each<[string, string]>([
  ['garbage', 'ff'.repeat(64)],
  ['zeros', '00'.repeat(64)],
  ['another version', frame('hello', [channelVersion + 1])],
  ['a start without a greeting', started],
  ['two greetings', hello + hello],
  ['a frame of the host', hello + frame('signal', [9])],
  ['a frame that is longer than any', hello + header(frames.output.kind, frameBytes + 1)],
  ['a frame of the wrong length', hello + header(frames.started.kind, 4)],
  ['a kind that there is not', hello + header(63, 0)],
  ['a failure without a reason', hello + frame('failed', [0, 0, 0])],
  ['a failure of something else', hello + frame('failed', [9, 2, 0])],
  ['an end without a start', hello + exited(0)],
])('%s ends the run with an error of its own', async (_, bytes) => {
  expect(await run([`send ${bytes}`, 'wait'])).toEqual(ended(125, '', refused + unstarted));
});

test.each<[string, string]>([
  ['more than it was granted', frame('output', Buffer.alloc(frameBytes, 'x')).repeat(windowBytes / frameBytes + 1)],
  ['output behind its end', frame('output') + frame('output', text('x'))],
  ['credit that nobody took', frame('grant-input', [1])],
  ['a stop that is none', frame('stopped', [0, 0])],
  ['a failure of what runs', frame('failed', [0, 2, 0])],
  ['an end by a signal that ends nothing', exited(17)],
  ['an end by a signal that there is not', exited(80)],
  ['an end that is none', exited(0x13_7f)],
  ['a second start and more', `${started}${frame('hello', [channelVersion])}`],
])('after the start, %s ends the run with an error of its own', async (_, bytes) => {
  const { status, stderr } = await run([...then(bytes), 'wait']);
  expect({ status, stderr }).toEqual({ status: 125, stderr: refused });
});

test('a machine that dies at any byte ends the run with an error, and leaves nothing', { timeout: 240_000 }, async () => {
  const whole = `${hello}${started}${frame('output', text('out\n'))}${exited(7 << 8)}`;
  const first = hello.length;
  const died = 'isolate: the machine died\n';
  const results = [];
  for (let length = 0; length < whole.length; length += 2) {
    const { status, stderr } = await run([
      ...(length === 0 ? [] : [`send ${whole.slice(0, Math.min(length, first))}`]),
      ...(length > first ? ['read 1', `send ${whole.slice(first, length)}`] : []),
    ]);
    results.push({
      length,
      status,
      died: stderr === died || stderr === `isolate: the machine died before the command was started\n${unstarted}`,
    });
  }
  expect(results.filter(({ status, died: said }) => status !== 125 || !said)).toEqual([]);
  expect(machineProcesses()).toEqual([]);
});

test('what QEMU and the console said last is shown when the machine dies, and does nothing to a terminal', async () => {
  const panic = Buffer.from('Kernel panic\u001B[2J\n').toString('hex');
  const lines = ['isolate: the machine died before the command was started', 'QEMU said:', String.raw`bad\x07 option`];
  const shown = [...lines, 'The console of the machine said:', String.raw`Kernel panic\x1b[2J`].map((line) => `${line}\n`).join('');
  expect(await run([`console ${panic}`, 'say bad\u0007 option'])).toEqual(ended(125, '', `${shown}${unstarted}`));
});

test('a machine that never greets is ended after the time that it has', async () => {
  follow(['wait']);
  const machine = spawn(join(isolatePath, '../isolate-machine'), ['3', '4', '5', '500', '', 'hidden', join(root, '../fake')], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  // Its program is not there, so QEMU ends at once; with one that waits the time limit ends it.
  expect(await finished(machine)).toMatchObject({ status: 125, stderr: expect.stringContaining('the machine died before') as string });
  execFileSync('sh', ['-c', `printf '#!/bin/sh\nexec sleep 1000\n' > ${root}/sleeper; chmod 755 ${root}/sleeper`]);
  const waiting = spawn(join(isolatePath, '../isolate-machine'), ['3', '4', '5', '500', '', 'hidden', join(root, 'sleeper')], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  expect(await finished(waiting)).toMatchObject({ status: 125, stderr: 'isolate: the machine did not start in time\n' });
});

test('a time limit of the run also ends a machine that says nothing', async () => {
  expect(await run(['wait'], ['--timeout', '1', '--kill-after', '0'])).toMatchObject({ status: 124 });
});

describe('a machine that reads nothing', () => {
  test('makes nothing grow, whatever it is given and whatever signals come', async () => {
    follow([...then(''), 'wait']);
    const child = startIsolate(words('--timeout', '3', '--kill-after', '0'), {});
    child.stdin?.on('error', () => {});
    child.stdin?.write(Buffer.alloc(20_000_000));
    await once(child.stdout!, 'end', { signal: AbortSignal.timeout(100) }).catch(() => {});
    for (let count = 0; count < 2000; count += 1) child.kill('SIGUSR1');
    await expect.poll(() => agentOf(child)).not.toBeNull();
    const pages = Number(readFileSync(`/proc/${agentOf(child)}/statm`, 'utf8').split(' ')[1]);
    expect(pages * 4096).toBeLessThan(8_000_000);
    expect(await finished(child)).toMatchObject({ status: 124 });
  });

  test('but writes without end is held up by its reader', async () => {
    follow([...then(''), `flood ${frame('output', Buffer.alloc(1024, 'x'))}`]);
    const { status, stderr } = await isolate(words());
    expect({ status, stderr }).toEqual({ status: 125, stderr: refused });
  });
});

test('whoever breaks out of the machine stands in a sandbox with nothing in it', async () => {
  const { status, stderr } = await run(['look']);
  expect({ status, stderr }).toMatchInlineSnapshot(`
    {
      "status": 125,
      "stderr": "isolate: the machine died before the command was started
    QEMU said:
    /: boot dev lib lib64 proc share usr
    /boot: initramfs vmlinux
    /dev: null urandom
    /etc: No such file or directory
    /share: 0 1
    /share/0: bin dev etc home lib mnt opt proc root run sbin script sleeper sys tmp usr var
    /proc: 1 2 3
    /proc/self/fd: 0 1 2 3 4 5 6
    /proc/1/fd: Permission denied
    /proc/2/fd: 0 1 13 2 200 201 202 203 204 206 208 209
    NoNewPrivs:\\x091
    Seccomp:\\x092
    CapBnd:\\x09000000008000001b
    card lo
    mount: Operation not permitted
    unshare: Operation not permitted
    write a program: Permission denied
    write a library: Read-only file system
    write a sysctl: Read-only file system
    make a device: Operation not permitted
    open the input of the other end: Permission denied
    trace the other end: Operation not permitted
    isolate: kvm could not start the command.
    ",
    }
  `);
});

function agentOf({ pid }: ChildProcess): number | null {
  return descendants(pid ?? 0).find(({ command }) => command.startsWith('isolate-machine '))?.pid ?? null;
}
