import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { reportLines } from '../../src/cli/report-lines.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { encodeLine, lineOf, type ReportEvent, type ReportLine } from '../../src/launch/report.ts';
import type { Item } from '../../src/wire/frame.ts';
import { answerClients, installClient, type Talk } from '../rig/client.ts';
import { finished, type Finished } from '../rig/isolate.ts';
import { bareLaunch, initLaunch, launcherPath } from '../rig/launches.ts';

beforeAll(async () => void (await launcherPath()));

const full = mkdtempSync(join(tmpdir(), 'full-'));
// Its root is the one file that it can have.
beforeAll(() => void execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=1', 'tmpfs', full]));
afterAll(() => void execFileSync('umount', [full]));

const request = { command: ['100% "ü"\n'] as [string], timeoutSeconds: 1, memory: '1g' };
const lineItems = (lines: readonly ReportLine[]): Item[] => lines.map((line) => ({ name: 'line', value: encodeLine(line) }));

async function ask(talk: Talk, descriptor: number): Promise<unknown> {
  talk.send('ask', [{ name: 'descriptor', value: descriptor }]);
  return await talk.next();
}

interface Told extends Finished {
  /** What was written to the status descriptor. */
  readonly told: string;
}

/** A client whose descriptor 5 leads to a file. */
async function startWithStatus(descriptor = 5): Promise<{ readonly child: ChildProcess; readonly end: () => Promise<Told> }> {
  const file = join(mkdtempSync(join(tmpdir(), 'status-')), 'status');
  const status = openSync(file, 'w');
  const others = Array.from({ length: descriptor - 3 }, () => 'ignore' as const);
  const child = spawn(await installClient(), [], { stdio: ['ignore', 'pipe', 'pipe', ...others, status], env: {} });
  onTestFinished(() => void child.kill('SIGKILL'));
  closeSync(status);
  return { child, end: async () => ({ ...(await finished(child)), told: readFileSync(file, 'utf8') }) };
}

async function carryOut(launch: Launch, lines: readonly ReportLine[]): Promise<Told> {
  await answerClients(async (talk) => {
    await talk.next();
    expect(await ask(talk, 5)).toEqual({ name: 'answer', items: [{ name: 'descriptor', value: 5 }] });
    talk.send('report', lineItems(lines));
    talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
  });
  return await (await startWithStatus()).end();
}

const script = (text: string, changes: Partial<Launch> = {}): Launch => bareLaunch(['/bin/sh', '-c', text], changes);
it.each<[string, boolean, Launch, readonly ReportEvent[]]>([
  ['an exit', false, script('exit 3'), [{ kind: 'started' }, { kind: 'exited', code: 3 }]],
  ['a signal', true, script('kill -TERM $$'), [{ kind: 'started' }, { kind: 'killed', signal: 'SIGTERM' }]],
  ['a signal without a name', false, script('kill -40 $$'), [{ kind: 'started' }, { kind: 'killed', signal: 'SIG40' as NodeJS.Signals }]],
  ['a time limit', false, script('exec sleep 60', { deadlineMs: 5000 }), [{ kind: 'started' }, { kind: 'timed-out' }]],
  ['a time limit in JSON', true, script('exec sleep 60', { deadlineMs: 5000 }), [{ kind: 'started' }, { kind: 'timed-out' }]],
  ['a command that is not there', true, initLaunch(['no-such']), [{ kind: 'not-executed', errno: 'ENOENT' }]],
  ['a command that is no program', true, initLaunch(['/etc/passwd']), [{ kind: 'not-executed', errno: 'EACCES' }]],
  [
    'a launch that failed',
    true,
    bareLaunch(['/no/"\\\b\u001b\u007f\u0085\u202e'], { engine: 'x' }),
    [
      {
        kind: 'failed',
        code: 'launch-failed',
        message: 'The launch failed while executing /no/"\\\b\u001b\u007f\u0085\u202e: no such file or directory.',
      },
    ],
  ],
  [
    'a launch that failed with a hint',
    true,
    bareLaunch(['/bin/true'], { mountNamespace: true, hostMounts: [{ kind: 'make', root: '/no', target: '/x', create: 'file' }] }),
    [
      {
        kind: 'failed',
        code: 'bad-bind',
        message: 'The bind target /no/x could not be made: no such file or directory.',
        hint: 'make it before the run',
      },
    ],
  ],
  [
    'a launch for which there is no space',
    true,
    bareLaunch(['/bin/true'], { mountNamespace: true, hostMounts: [{ kind: 'make', root: full, target: '/x', create: 'file' }] }),
    [
      {
        kind: 'failed',
        code: 'pool-full',
        message: `The bind target ${full}/x could not be made: no space left on device.`,
        hint: 'free some space there',
      },
    ],
  ],
])('the client tells of %s in the lines that it was given, as Node would', async (_, json, launch, events) => {
  const lines = reportLines(request, { json, status: true, way: 'daemon' });
  const { told, stderr } = await carryOut(launch, lines);
  const written = (stream: ReportLine['stream']): string => events.map((event) => lineOf(lines, stream, event)).join('');
  expect({ told, stderr: stderr.replace(/^isolate: .*: (?:command not found|Permission denied)\n/, '') }).toEqual({
    told: written('status'),
    stderr: written('error'),
  });
});

it('the first matching line is written, with its number, or only for a reached limit', async () => {
  const line = (text: string, conditions: Partial<ReportLine> = {}): ReportLine => ({
    stream: 'status',
    event: 'killed',
    text,
    ...conditions,
  });
  const lines = [line('memory', { outOfMemory: true }), line('other', { number: 9 }), line('%s %% %', { number: 15 }), line('late')];
  expect((await carryOut(script('kill -TERM $$'), lines)).told).toBe('SIGTERM % %');
});

it.each([
  ['is not open', 77],
  ['is its own', 3],
  ['is standard input', 0],
])('the client leaves a run to Node if its status descriptor %s', async (_, descriptor) => {
  await answerClients(async (talk) => {
    await talk.next();
    await ask(talk, descriptor);
  });
  const child = spawn(await installClient(), [], { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  expect(await finished(child)).toMatchObject({ status: 42, stdout: 'node:\n\n' });
});

it('the status descriptor may be a standard stream that the command gets too', async () => {
  await answerClients(async (talk) => {
    await talk.next();
    await ask(talk, 1);
    talk.send('report', lineItems(reportLines(request, { json: false, status: true, way: 'daemon' })));
    talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(script('echo command'), { supervised: false }) }]);
  });
  const child = spawn(await installClient(), [], { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  expect((await finished(child)).stdout.split('\n').toSorted()).toEqual([
    '',
    'command',
    '{"event":"exited","code":0}',
    '{"event":"started","way":"daemon"}',
  ]);
});

it('the client writes a message to the status descriptor where the daemon says so', async () => {
  await answerClients(async (talk) => {
    await talk.next();
    await ask(talk, 5);
    talk.send('message', [
      { name: 'text', value: 'for the status\n' },
      { name: 'descriptor', value: 5 },
    ]);
    talk.send('refuse', [
      { name: 'status', value: 125 },
      { name: 'text', value: 'for a person\n' },
      { name: 'json', value: '{}' },
    ]);
  });
  expect(await (await startWithStatus()).end()).toEqual({
    status: 125,
    signal: null,
    stdout: '',
    stderr: 'for a person\n',
    told: 'for the status\n',
  });
});

it('a signal that ends the wait is reported in the lines too, and an ignored one does not end it', async () => {
  const waiting = Promise.withResolvers<void>();
  await answerClients(async (talk) => {
    await talk.next();
    await ask(talk, 5);
    talk.send('report', [
      ...lineItems(reportLines(request, { json: true, status: true, way: 'daemon' })),
      { name: 'ignored-signal', value: 2 },
    ]);
    await ask(talk, 5);
    waiting.resolve();
  });
  const { child, end } = await startWithStatus();
  await waiting.promise;
  child.kill('SIGINT');
  child.kill('SIGTERM');
  expect(await end()).toMatchObject({
    status: 125,
    stderr: '{"error":{"code":"aborted","message":"SIGTERM arrived before the command started.","causes":[]}}\n',
    told: '{"event":"failed","error":"aborted","message":"SIGTERM arrived before the command started."}\n',
  });
});

it('an ignored signal that came before the launch is not passed to the command', async () => {
  const waiting = Promise.withResolvers<Talk>();
  await answerClients(async (talk) => {
    await talk.next();
    talk.send('report', [{ name: 'ignored-signal', value: 2 }]);
    await ask(talk, 5);
    waiting.resolve(talk);
  });
  const { child, end } = await startWithStatus();
  const talk = await waiting.promise;
  child.kill('SIGINT');
  const launch = script('trap "echo int" INT; echo ready; read x <&0; exit 4');
  talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
  expect(await end()).toMatchObject({ status: 4, stdout: 'ready\n' });
});

it('a slow reader gets the start together with the end, and the command does not wait for it', async () => {
  await answerClients(async (talk) => {
    await talk.next();
    await ask(talk, 5);
    talk.send('report', lineItems(reportLines(request, { json: false, status: true, way: 'daemon' })));
    talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(script('echo ready; exit 3'), { supervised: false }) }]);
  });
  const fifo = join(mkdtempSync(join(tmpdir(), 'fifo-')), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const status = openSync(fifo, 'r+');
  const fill = 'dd if=/dev/zero bs=65536 count=1 >&5 2> /dev/null; exec "$0"';
  const stdio = ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', status] as const;
  const child = spawn('/bin/sh', ['-c', fill, await installClient()], { stdio: [...stdio], env: { PATH: '/usr/bin:/bin' } });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  const lines = '{"event":"started","way":"daemon"}\n{"event":"exited","code":3}\n';
  const received = Buffer.alloc(65536 + lines.length);
  for (let at = 0; at < received.length;) at += readSync(status, received, at, received.length - at, null);
  expect(received.subarray(65536).toString()).toBe(lines);
  expect((await finished(child)).status).toBe(3);
});
