import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { PoolStatus } from '../../src/status/pool-status.ts';
import type { StatusDocument } from '../../src/status/status.ts';
import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { finished, type Finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, startAs } from '../rig/members.ts';
import { startPty } from '../rig/pty.ts';
import { copyRootfs, busyboxRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let daemon: Daemon;
let member: Member;
let run: ChildProcess;
/** The client by itself: it cannot become the program in Node. */
let alone: string;

beforeAll(async () => {
  member = await addMember(54_101, { subordinate: 1_600_000_000 });
  await addMemberGroup();
  // Of pools that tests before have left only the program in Node tells root.
  rmSync('/run/isolate/pools', { recursive: true, force: true });
  template = await makeZfsTemplate();
  await writeConfig(`[templates."${template.dataset}"]\ncount = 2\nusers = ["${member.name}"]\n`);
  daemon = await startDaemon();
  run = startIsolate(['-q', '-z', template.dataset, '--wait', '60', 'sh', '-c', 'echo begun; cat']);
  await once(run.stdout as NodeJS.ReadableStream, 'data');
  await isFull();
  alone = join(mkdtempSync(join(tmpdir(), 'isolate-alone-')), 'isolate');
  copyFileSync(isolatePath, alone);
}, 300_000);
afterAll(async () => {
  run.stdin?.end();
  await once(run, 'close');
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
  rmSync(join(alone, '..'), { recursive: true });
}, 300_000);

/** What is shown changes while clones are made. */
async function isFull(): Promise<void> {
  const isSettled = ({ fresh, refreshing }: PoolStatus): boolean => fresh === 2 && !refreshing;
  for (;;) {
    const { pools } = JSON.parse((await isolate(['status', '--json'])).stdout) as StatusDocument;
    if (pools.some((pool) => pool.template === template.dataset && isSettled(pool))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

type Program = 'alone' | 'isolate' | 'isolate-node';

async function start(who: string, program: Program, words: readonly string[], zone?: string): Promise<Finished> {
  const file = program === 'alone' ? alone : join(isolatePath, '..', program);
  const { HOME: home = '/root', PATH: path } = process.env;
  const env = { PATH: path, HOME: who === 'root' ? home : member.home, ...(zone === undefined ? {} : { TZ: zone }) };
  const identity =
    who === 'root' ? [] : ['--reuid', String(member.uid), '--regid', String(member.uid), `--groups=${member.groups.join(',')}`];
  return await finished(spawn('setpriv', [...identity, '--', file, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: '/' }));
}

/** Ages go on from one look to the next, and so does their width. */
const withoutAges = ({ stdout, ...rest }: Finished) => ({ ...rest, stdout: stdout.replaceAll(/ *\b[0-9]+ (s|min)\b/g, ' N s') });

/** What both programs show of one state: both look again if it changed meanwhile, as by a refresh. */
async function showBoth(who: string, words: readonly string[]): Promise<readonly [Finished, Finished]> {
  for (;;) {
    const before = withoutAges(await start(who, 'alone', words));
    const byNode = withoutAges(await start(who, 'isolate-node', words));
    if (isDeepStrictEqual(withoutAges(await start(who, 'alone', words)), before)) return [before, byNode];
  }
}

describe.each(['root', 'member'])('%s', (who) => {
  test.each([[['status']], [['status', '--json']], [['ps']], [['ps', '--json']], [['list']], [['list', '--json']]])(
    'is shown %j by the daemon as by the program in Node',
    async (words) => {
      const [byDaemon, byNode] = await showBoth(who, words);
      expect(byDaemon).toMatchObject({ status: 0, stderr: '' });
      expect(byDaemon).toEqual(byNode);
    },
  );

  test('is shown the status of one template by the daemon', async () => {
    const [byDaemon, byNode] = await showBoth(who, ['status', template.dataset]);
    expect(byDaemon).toEqual(byNode);
  });

  test.each([[['status', 'no/such']], [['ps', 'word']], [['list', '--no-such']], [['status', '--trace']]])(
    'gets errors about %j from the program in Node',
    async (words) => {
      expect(withoutAges(await start(who, 'isolate', words))).toEqual(withoutAges(await start(who, 'isolate-node', words)));
    },
  );

  test('reads times in the zone of TZ', async () => {
    const utc = await start(who, 'isolate', ['ps'], 'UTC');
    const far = await start(who, 'isolate', ['ps'], 'Pacific/Kiritimati');
    expect(far).toEqual(await start(who, 'isolate-node', ['ps'], 'Pacific/Kiritimati'));
    expect(far.stdout).not.toBe(utc.stdout);
  });
});

test.each([
  ['isolate', 80],
  ['isolate', 30],
  ['isolate-node', 30],
])('%s cuts lines to the %i columns of the terminal', async (program, columns) => {
  const { screen, ended } = await startPty(['sh', '-c', `stty columns ${columns}; exec ${join(isolatePath, '..', program)} ps`]);
  expect(await ended).toBe(0);
  const lines = screen().split('\r\n');
  expect(Math.max(...lines.map(({ length }) => length))).toBe(columns);
});

test('a run on a directory of the user is shown, which only the program in Node sees', async () => {
  const directory = await copyRootfs(await busyboxRootfs(), join(member.home, 'root'));
  const own = startAs(member, ['-q', '-t', directory, 'sh', '-c', 'echo begun; cat']);
  await once(own.stdout as NodeJS.ReadableStream, 'data');
  for (const who of ['root', 'member']) {
    const shown = await start(who, 'isolate', ['ps', '--json']);
    expect((JSON.parse(shown.stdout) as { runs: unknown[] }).runs).toContainEqual(expect.objectContaining({ template: directory }));
  }
  own.stdin?.end();
  await once(own, 'close');
});

test('the version needs nobody', async () => {
  expect(await start('root', 'alone', ['--version'])).toEqual(await start('root', 'isolate-node', ['--version']));
});

describe('while the daemon hangs', () => {
  beforeAll(() => void daemon.process.kill('SIGSTOP'));
  afterAll(() => void daemon.process.kill('SIGCONT'));

  test('root reads the state, and runs without it', async () => {
    const [seen, ended] = await Promise.all([
      start('root', 'isolate', ['status']),
      start('root', 'isolate', ['-q', '-z', template.dataset, '--wait', '0', 'echo', 'ran']),
    ]);
    expect(seen).toMatchObject({ status: 0, stdout: expect.stringMatching(/^daemon: does not answer\n/) as string, stderr: '' });
    expect(ended).toEqual({ status: 0, signal: null, stdout: 'ran\n', stderr: '' });
  });

  // The run waits for half a minute.
  test('a member is told within seconds, and its run gets no clone', { timeout: 180_000 }, async () => {
    const [seen, ended] = await Promise.all([
      start('member', 'isolate', ['status']),
      start('member', 'isolate', ['-z', template.dataset, 'echo', 'ran']),
    ]);
    expect(seen).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^isolate: The daemon does not answer, and /) as string,
    });
    expect(ended).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringMatching(/^isolate: The daemon did not answer within 30 s\.\nhint: /) as string,
    });
  });
});

test('once the daemon continues, nothing is missing from its pool', async () => {
  await isFull();
  expect(await start('root', 'isolate', ['-q', '-z', template.dataset, 'echo', 'ran'])).toEqual({
    status: 0,
    signal: null,
    stdout: 'ran\n',
    stderr: '',
  });
});
