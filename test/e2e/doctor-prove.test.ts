import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { writeRecord } from '../rig/template-record.ts';

interface Answer {
  readonly subject: string;
  readonly held: number;
  readonly broken: number;
  readonly untried: number;
  readonly open: number;
  readonly cases: readonly { readonly id: string; readonly claim: string; readonly state: string; readonly reason: string }[];
}

const execFileAsync = promisify(execFile);
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp('/var/tmp/isolate-prove-');
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function prove(...options: string[]): Promise<Answer> {
  const { status, stdout, stderr } = await isolate(['doctor', '--prove', '--json', ...options]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Answer;
}

test('doctor --prove finds nothing broken in a machine, which promises what is about the host', async () => {
  const answer = await prove('-e', 'kvm', '--memory', '128M');
  expect({ subject: answer.subject, broken: answer.broken, untried: answer.untried }).toEqual({
    subject: 'kvm, root, an empty root',
    broken: 0,
    untried: 0,
  });
  const held = answer.cases.filter(({ state }) => state === 'held').map(({ id }) => id);
  expect(held).toEqual(expect.arrayContaining(['procfs/host-file', 'visible/signal', 'environment/own', 'network/connect-to-host']));
});

describe.each(['bwrap', 'lxc'])('%s', (engine) => {
  test('doctor --prove finds nothing broken on an empty root and leaves nothing behind', async () => {
    const answer = await prove('-e', engine);
    expect({ subject: answer.subject, broken: answer.broken }).toEqual({ subject: `${engine}, root, an empty root`, broken: 0 });
    expect(answer.held).toBeGreaterThan(100);
    expect(answer.cases.length).toBe(answer.held + answer.broken + answer.untried + answer.open);
    expect(answer.cases.filter(({ id }) => id === 'identity/filter')).toEqual([
      { id: 'identity/filter', claim: 'a system-call filter is in force', state: 'held', reason: '' },
    ]);
    expect(answer.cases.filter(({ state, reason }) => state === 'untried' && reason === '')).toEqual([]);
    const { stdout } = await execFileAsync('find', ['/var/lib/isolate/bare', '!', '-type', 'd']);
    expect(stdout).toBe('');
  });

  test('the given options are the ones that are tested', async () => {
    const answer = await prove('-e', engine, '--no-seccomp', '--pids', '60', '--memory', '64M');
    const stateOf = (id: string): string | undefined => answer.cases.find((each) => each.id === id)?.state;
    expect(['calls/keyctl', 'identity/filter', 'exhaustion/processes', 'exhaustion/memory', 'procfs/core-pattern'].map(stateOf)).toEqual([
      'open',
      'open',
      'held',
      'held',
      'held',
    ]);
  });

  test('a given root is tested, and no file of the probe stays in it', async () => {
    const root = join(directory, 'root');
    await chmod(directory, 0o700);
    await Promise.all(['dev', 'proc', 'sys', 'tmp', 'home', 'etc'].map((name) => mkdir(join(root, name), { recursive: true })));
    const answer = await prove('-e', engine, '-t', root);
    expect({ subject: answer.subject, broken: answer.broken }).toEqual({ subject: `${engine}, root, ${root}`, broken: 0 });
    expect((await readdir(root, { recursive: true })).sort()).toEqual(['dev', 'etc', 'home', 'proc', 'sys', 'tmp']);
  });
});

test('a root is proved whatever its own defaults are', async () => {
  const root = join(directory, 'root');
  await chmod(directory, 0o700);
  await Promise.all(['dev', 'proc', 'sys', 'tmp', 'home', 'etc', 'srv'].map((name) => mkdir(join(root, name), { recursive: true })));
  writeRecord(root, { workingDirectory: '/srv', user: '33:33', environment: { PATH: '/nowhere' } });
  expect(await prove('-t', root)).toMatchObject({ broken: 0 });
});

test('the text has one line per case and a summary', async () => {
  const { status, stdout } = await isolate(['doctor', '--prove', '-n']);
  const lines = stdout.split('\n');
  expect(status).toBe(0);
  expect(lines.find((line) => line.includes(' calls/keyctl '))).toMatch(/^held +calls\/keyctl +the system call keyctl is refused$/);
  expect(lines.find((line) => line.includes(' network/connect-to-host '))).toMatch(/^open .*\(connect: succeeded\)$/);
  expect(lines.at(-3)).toMatch(/^bwrap, root, an empty root: \d+ held, 0 broken, \d+ untried, 6 open$/);
});

test('a plain user can test a sandbox', async () => {
  await chmod(directory, 0o777);
  const { status, stdout, stderr } = await isolate(['doctor', '--prove', '--json'], { uid: 31_339, environment: { HOME: directory } });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const answer = JSON.parse(stdout) as Answer;
  expect({ subject: answer.subject, broken: answer.broken }).toEqual({ subject: 'bwrap, plain user, an empty root', broken: 0 });
  expect(answer.held).toBeGreaterThan(50);
});

test.for([
  [['-e', 'chroot'], 'The engine chroot isolates nothing, so there is nothing to prove.'],
  [['ls'], 'doctor --prove runs its own command, not "ls".'],
  [['-t', '/no/such'], '/no/such'],
] as const)('doctor --prove %j is refused', async ([options, message]) => {
  const { status, stdout, stderr } = await isolate(['doctor', '--prove', ...options]);
  expect({ succeeds: status === 0, stdout }).toEqual({ succeeds: false, stdout: '' });
  expect(stderr).toContain(message);
});
