import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { daemonRestart, daemonStart } from '../../src/host/daemon-start.ts';
import { readOwnHolder } from '../../src/pool/holder.ts';
import { readOwnPidNamespace } from '../../src/pool/pid-namespace.ts';
import { documentAnswer, type QueryDaemon, startQueryDaemon } from '../rig/query-daemon.ts';
import { finished, type Finished } from '../rig/isolate.ts';

const user = 1234;
const run = {
  runId: '0123456789abcdef',
  pid: 7,
  uid: user,
  user: null,
  sinceMs: 0,
  template: 'tank/a',
  clone: '1',
  engine: 'bwrap',
  command: ['sh', '-c', 'a b'],
};
const pool = {
  template: 'tank/a',
  count: 2,
  fresh: 1,
  leased: 0,
  retired: 0,
  making: 0,
  refreshing: false,
  source: 'monday',
  stale: 0,
  oldestFreshMs: null,
  inUse: [],
  lastRefresh: null,
  error: null,
};
const status = { daemon: { pid: 99, sinceMs: 0, serves: true }, pools: [pool, { ...pool, template: 'tank/b', fresh: 5 }] };

const advice = `${daemonStart()}, or run isolate with sudo\n`;

let daemon: QueryDaemon;

beforeAll(async () => {
  daemon = await startQueryDaemon();
});
afterAll(() => daemon.end());
beforeEach(() => {
  daemon.queries.length = 0;
  daemon.answer = (query) => documentAnswer(query === 'ps' ? { runs: [run] } : status);
});

function start(args: readonly string[], uid = user): ChildProcess {
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const [file, ...before] = daemon.command(uid);
  return spawn(file, [...before, ...args], { stdio: 'pipe', env: { ...env, TZ: 'UTC' } });
}

async function isolate(args: readonly string[], uid = user): Promise<Finished> {
  return await finished(start(args, uid));
}

/** Lines of standard output, one at a time. */
function linesOf(child: ChildProcess): () => Promise<string> {
  if (child.stdout === null) throw new Error('It has no standard output.');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => String((await lines.next()).value);
}

test('list asks the daemon and prints the templates, for people and as JSON', async () => {
  expect(await isolate(['list'])).toEqual({
    status: 0,
    signal: null,
    stdout: 'TEMPLATE  FRESH   SNAPSHOT\ntank/a    1 of 2  monday\ntank/b    5 of 2  monday\n',
    stderr: '',
  });
  expect(JSON.parse((await isolate(['list', '--json'])).stdout)).toEqual({
    templates: [
      { template: 'tank/a', fresh: 1, count: 2, snapshot: 'monday' },
      { template: 'tank/b', fresh: 5, count: 2, snapshot: 'monday' },
    ],
  });
  daemon.answer = () => documentAnswer({ ...status, pools: [] });
  const told = 'There are no clones that you may use: root names the templates and their users in /etc/isolate/config.toml.\n';
  expect((await isolate(['list'])).stdout).toBe(told);
  expect((await isolate(['list'], 0)).stdout).toBe('There are no clones that you may use: isolate refresh DATASET makes some.\n');
});

/** Root's run whose process is the one of these tests. */
const rootsRun = {
  ...run,
  pid: process.pid,
  startTime: readOwnHolder().startTime,
  pidNamespace: readOwnPidNamespace(),
  uid: 0,
  user: 'root',
  command: null,
};

test('a user cannot end another user’s run', async () => {
  daemon.answer = () => documentAnswer({ runs: [rootsRun] });
  expect(await isolate(['kill', '0123'])).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: 'isolate: Run 0123456789abcdef belongs to root (uid 0).\nhint: only that user and root can end it\n',
  });
});

test('a run whose PID was reused has ended, and the new process is not signalled', async () => {
  let asked = 0;
  daemon.answer = () => documentAnswer({ runs: (asked += 1) === 1 ? [{ ...rootsRun, startTime: '1' }] : [] });
  expect(await isolate(['kill', '0123'])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
});

test('if an older daemon does not say which process holds a run, none is signalled', async () => {
  const { startTime: _start, pidNamespace: _namespace, ...older } = rootsRun;
  daemon.answer = () => documentAnswer({ runs: [older] });
  expect(await isolate(['kill', '0123'])).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr:
      'isolate: This version of isolate does not understand the answer of the daemon.\nhint: systemctl restart isolated-pools.service\n',
  });
});

test('ps asks the daemon and prints the runs, for people and as JSON', async () => {
  expect(await isolate(['ps'])).toEqual({
    status: 0,
    signal: null,
    stdout:
      'RUN       USER  PID  SINCE                TEMPLATE  ENGINE  COMMAND\n' +
      '01234567  1234  7    1970-01-01 00:00:00  tank/a    bwrap   sh -c "a b"\n',
    stderr: '',
  });
  const { stdout } = await isolate(['ps', '--json']);
  expect({ parsed: JSON.parse(stdout), queries: daemon.queries }).toEqual({ parsed: { runs: [run] }, queries: ['ps', 'ps'] });
});

test('status prints the requested pools, in that order', async () => {
  const { stdout } = await isolate(['status', 'tank/b', 'tank/a']);
  expect(stdout.split('\n').slice(2)).toEqual([
    'TEMPLATE  SIZE  FRESH  LEASED  RETIRED  KEPT  MAKING  STALE  SNAPSHOT  OLDEST  REFRESHED',
    'tank/b       2      5       0        0     0       0      0  monday         -  -',
    'tank/a       2      1       0        0     0       0      0  monday         -  -',
    '',
  ]);
  expect(JSON.parse((await isolate(['status', '--json', 'tank/b'])).stdout)).toEqual({
    ...status,
    pools: [{ ...pool, template: 'tank/b', fresh: 5 }],
  });
  expect((await isolate(['status', 'tank/b', 'tank/b'])).stdout.match(/^tank/gm)).toHaveLength(1);
  expect(await isolate(['status', 'tank/c'])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: 'isolate: There are no clones of "tank/c".\nhint: did you mean tank/a?\n',
  });
});

test('a refusal of the daemon becomes the error', async () => {
  daemon.answer = () => ({
    name: 'refuse',
    items: [
      { name: 'status', value: 1 },
      { name: 'text', value: '' },
      { name: 'json', value: JSON.stringify({ code: 'quota-exceeded', message: 'Enough.', hint: 'wait' }) },
    ],
  });
  expect(await isolate(['ps'])).toMatchObject({ status: 1, stdout: '', stderr: 'isolate: Enough.\nhint: wait\n' });
  const { stderr } = await isolate(['status', '--json']);
  expect(JSON.parse(stderr)).toEqual({ error: { code: 'quota-exceeded', message: 'Enough.', hint: 'wait', causes: [] } });
});

test.each([
  ['no JSON', { name: 'text', items: [{ name: 'json', value: '{' }] } as const],
  ['another document', documentAnswer({ tables: [] })],
  ['null', documentAnswer(null)],
  ['bytes of another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
])('%s of the daemon is reported as its failure', async (_what, answer) => {
  daemon.answer = () => answer;
  const { status: code, stderr } = await isolate(['status', '--json']);
  expect({ code, errorCode: (JSON.parse(stderr) as { error: { code: string } }).error.code }).toEqual({
    code: 1,
    errorCode: 'daemon-failed',
  });
});

test('without a daemon users other than root are told what to do', async () => {
  await daemon.hangUp();
  const stderr = `isolate: The daemon is not running, and without it only root can look at the pools.\nhint: ${advice}`;
  expect(await isolate(['status'])).toMatchObject({ status: 1, stdout: '', stderr });
  // There is nothing but runs on directories then.
  expect(await isolate(['ps', '--json'])).toEqual({ status: 0, signal: null, stdout: '{"runs":[]}\n', stderr: '' });
  await daemon.listen();
});

test('a user who cannot enter the daemon’s directory or use its socket is told so', async () => {
  await daemon.restrict(0o700, 0o666);
  expect(await isolate(['status'])).toMatchObject({
    status: 1,
    stderr: 'isolate: You may not enter /run/isolate, so you cannot connect to the daemon.\nhint: chmod 755 /run/isolate, as root\n',
  });
  const doctor = JSON.parse((await isolate(['doctor', '--json'])).stdout) as { checks: { id: string }[] };
  expect(doctor.checks.find(({ id }) => id === 'daemon')).toEqual({
    id: 'daemon',
    state: 'limited',
    fact: 'you may not enter /run/isolate, so you cannot connect to the daemon',
    hint: 'chmod 755 /run/isolate, as root',
  });
  await daemon.restrict(0o755, 0o600);
  expect((await isolate(['status'])).stderr).toMatch(
    /^isolate: You may not connect to the daemon at \/run\/isolate\/isolated.sock.\nhint: .+\n$/,
  );
  await daemon.restrict(0o755, 0o666);
});

test('a daemon that closes the connection is reported as lost', async () => {
  daemon.answer = () => null;
  for (const verb of ['status', 'ps']) {
    expect(await isolate([verb])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'isolate: The daemon ended, and without it only root can look at the pools.\nhint: ' + advice,
    });
  }
});

test('users are told about a silent daemon, and root reads the state itself', async () => {
  daemon.answer = () => Buffer.alloc(0);
  const [users, pools, runs] = await Promise.all([isolate(['status']), isolate(['status'], 0), isolate(['ps', '--json'], 0)]);
  expect(users).toMatchObject({
    status: 1,
    stdout: '',
    stderr:
      'isolate: The daemon does not answer, and without it only root can look at the pools.\nhint: ' +
      `${daemonRestart()}, or run isolate with sudo\n`,
  });
  expect(pools).toMatchObject({ status: 0, stdout: expect.stringMatching(/^daemon: does not answer\n/) as string, stderr: '' });
  expect(runs).toMatchObject({ status: 0, stdout: '{"runs":[]}\n', stderr: '' });
});

test('if a daemon closes the connection, root reads the state itself', async () => {
  daemon.answer = () => null;
  const [pools, runs] = await Promise.all([isolate(['status', '--json'], 0), isolate(['ps', '--json'], 0)]);
  expect({ poolsStdout: pools.stdout, runsStdout: runs.stdout }).toEqual({
    poolsStdout: '{"daemon":null,"pools":[],"settings":null}\n',
    runsStdout: '{"runs":[]}\n',
  });
});

test('control characters of templates and commands are not printed', async () => {
  daemon.answer = () => documentAnswer({ runs: [{ ...run, template: 'tank/\u001b[2J', command: ['\u001b]0;x\u0007'] }] });
  const { stdout } = await isolate(['ps']);
  expect(stdout).toContain(String.raw`tank/\x1b[2J`);
  expect(stdout).toContain(String.raw`"\u001b]0;x\u0007"`);
});

test('with --watch each change is printed, and SIGTERM ends it', async () => {
  let fresh = 1;
  daemon.answer = () => documentAnswer({ ...status, pools: [{ ...pool, fresh }] });
  const child = start(['status', '--watch', '--json']);
  const nextLine = linesOf(child);
  const first = JSON.parse(await nextLine()) as typeof status;
  // Three looks at what is still the same.
  while (daemon.queries.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  fresh = 2;
  const second = JSON.parse(await nextLine()) as typeof status;
  expect({ first: first.pools[0]?.fresh, second: second.pools[0]?.fresh }).toEqual({ first: 1, second: 2 });
  child.kill('SIGTERM');
  expect(await finished(child)).toMatchObject({ status: 0, signal: null, stderr: '' });
});

test('with --watch and no terminal a change is a new table, and a lost daemon is reported once', async () => {
  const child = start(['ps', '--watch']);
  const nextLine = linesOf(child);
  let told = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  expect([await nextLine(), await nextLine()].map((line) => line.slice(0, 14).trim())).toEqual(['RUN       USER', '01234567  1234']);
  await daemon.hangUp();
  await expect.poll(() => told).not.toBe('');
  daemon.answer = () => documentAnswer({ runs: [{ ...run, user: 'ann' }] });
  await daemon.listen();
  expect([await nextLine(), await nextLine(), await nextLine()].map((line) => line.slice(0, 14).trim())).toEqual([
    '',
    'RUN       USER',
    '01234567  ann',
  ]);
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(told).toBe('isolate: The daemon ended, and without it only root can look at the pools.\nhint: ' + advice);
});

test('--watch ends at the next change if nobody reads its output any more', async () => {
  let fresh = 1;
  daemon.answer = () => documentAnswer({ ...status, pools: [{ ...pool, fresh: (fresh += 1) }] });
  const child = start(['status', '--watch']);
  const nextLine = linesOf(child);
  await nextLine();
  child.stdout?.destroy();
  expect(await once(child, 'exit')).toEqual([0, null]);
});
