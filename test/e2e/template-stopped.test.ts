import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { finished, isolate, isolatePath } from '../rig/isolate.ts';
import { descendants } from '../rig/process-tree.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

let store: string;
let template: string;
let sent: Buffer;
let whole: string;
beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'stopped-'));
  store = join(directory, 'store');
  template = join(store, 'x');
  mkdirSync(store, { mode: 0o700 });
  const tree = await copyRootfs(await busyboxRootfs(), join(directory, 'tree'));
  writeFileSync(join(tree, 'etc/os-release'), 'ID=debian\n');
  writeFileSync(join(tree, 'usr/apt-get'), '#!/bin/sh\necho half > /etc/group\necho begun\nexec sleep 1000\n', { mode: 0o755 });
  symlinkSync('/usr/apt-get', join(tree, 'bin/apt-get'));
  // So many that it still copies them when it is stopped.
  mkdirSync(join(tree, 'usr/many'));
  for (let number = 0; number < 60_000; number += 1) symlinkSync('.', join(tree, 'usr/many', String(number)));
  expect(await isolate(['template', 'create', '-q', template, '--from', tree, '--label', 'one'])).toMatchObject({ status: 0 });
  expect(await isolate(['template', 'send', '-q', template, join(directory, 'sent')])).toMatchObject({ status: 0 });
  sent = readFileSync(join(directory, 'sent'));
  appendFileSync(join(template, 'etc/hosts'), 'changed\n');
  whole = digest();
}, 300_000);
afterAll(() => rmSync(join(store, '..'), { recursive: true }));

const digest = (): string =>
  execFileSync('find', [template, join(store, '.x@one'), '-printf', '%P %m %U %G %s %l %T@\n'], { encoding: 'utf8', maxBuffer: 2 ** 26 });

/** Starts a verb in a process group of its own, as a shell with job control does. */
function start(...words: readonly string[]): ChildProcess {
  return spawn(isolatePath, ['template', ...words], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
}

/** Until a draft has the beginning of the tree. */
async function begun(of: string): Promise<void> {
  const drafts = (): string[] => readdirSync(store).filter((name) => name.startsWith(`.${of}.new-`));
  const copied = (name: string): boolean => existsSync(join(store, name, 'tree/usr/many'));
  await expect.poll(() => drafts().some(copied), { timeout: 30_000, interval: 1 }).toBe(true);
}

/** Stops what makes a copy, which is nevertheless to end with isolate. */
function stopCopy(child: ChildProcess): void {
  const program = descendants(child.pid ?? 0).find(({ command }) => command.startsWith('/proc/self/fd/4 copy '));
  if (program === undefined) throw new Error('isolate-tree had ended before it could be stopped');
  process.kill(program.pid, 'SIGSTOP');
}

const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof numbers;

/** Sends a signal to a process or its group, and expects that nothing has changed. */
async function expectStopped(child: ChildProcess, signal: Signal, to: 'process' | 'terminal'): Promise<void> {
  const end = finished(child);
  process.kill((to === 'process' ? 1 : -1) * (child.pid ?? 0), signal);
  expect(await end).toEqual({ status: numbers[signal], signal: null, stdout: '', stderr: `isolate: isolate was stopped by ${signal}.\n` });
  expect([readdirSync(store), digest()]).toEqual([['.x@one', 'x'], whole]);
}

test.each<[Signal, 'process' | 'terminal', string, string]>([
  ['SIGINT', 'process', 'snapshot', 'two'],
  ['SIGTERM', 'process', 'rollback', 'one'],
  ['SIGHUP', 'terminal', 'snapshot', 'two'],
  ['SIGINT', 'terminal', 'rollback', 'one'],
])('%s to the %s ends %s, and nothing is left', async (signal, to, verb, label) => {
  const child = start(verb, template, label);
  await begun('x');
  stopCopy(child);
  await expectStopped(child, signal, to);
});

test.each<[Signal, 'process' | 'terminal']>([
  ['SIGTERM', 'process'],
  ['SIGINT', 'terminal'],
])('%s to the %s ends a receive, and nothing is left', async (signal, to) => {
  const child = start('receive', '-q', join(store, 'y'));
  child.stdin?.on('error', () => {});
  child.stdin?.write(sent.subarray(0, sent.length - 100_000));
  await begun('y');
  await expectStopped(child, signal, to);
});

test.each<[Signal, 'process' | 'terminal']>([
  ['SIGTERM', 'process'],
  ['SIGINT', 'terminal'],
])('%s to the %s ends an update, and nothing of it is left', async (signal, to) => {
  const child = start('update', '-q', template);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await expect.poll(() => output, { timeout: 30_000 }).toBe('begun\n');
  await expectStopped(child, signal, to);
});
