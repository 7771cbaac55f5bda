import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { finished, isolate, isolatePath } from '../rig/isolate.ts';
import { descendants, signalProcess } from '../rig/process-tree.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

let store: string;
let template: string;
let sent: Buffer;
let whole: ReadonlySet<string>;
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
  whole = listAll();
}, 300_000);
afterAll(() => rmSync(join(store, '..'), { recursive: true }));

/** A line for each file of the template and its snapshot. */
function listAll(): ReadonlySet<string> {
  const words = [template, join(store, '.x@one'), '-printf', String.raw`%p %m %U %G %s %l %T@\n`];
  return new Set(execFileSync('find', words, { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n'));
}

/** What is not as it was, so that nobody has to compare all of it. */
function changes(): readonly string[] {
  const now = listAll();
  return [...[...whole].filter((line) => !now.has(line)), ...[...now].filter((line) => !whole.has(line))].slice(0, 20);
}

/** Starts a verb in a process group of its own, as a shell with job control does. */
function start(...words: readonly string[]): ChildProcess {
  return spawn(isolatePath, ['template', ...words], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
}

/** Until a draft has the beginning of the tree, or the verb has ended. */
async function begun(of: string, child: ChildProcess): Promise<void> {
  const drafts = (): string[] => readdirSync(store).filter((name) => name.startsWith(`.${of}.new-`));
  const copied = (name: string): boolean => existsSync(join(store, name, 'tree/usr/many'));
  await expect.poll(() => child.exitCode !== null || drafts().some(copied), { timeout: 30_000, interval: 1 }).toBe(true);
}

/**
 * Starts a verb, and stops what makes its copy, which is nevertheless to end with isolate. A verb that was quicker is undone and started
 * again.
 */
async function startStopped(verb: string, label: string): Promise<ChildProcess> {
  for (;;) {
    const child = start(verb, template, label);
    const ended = once(child, 'exit');
    await begun('x', child);
    const copying = descendants(child.pid ?? 0).find(({ command }) => command.startsWith('/proc/self/fd/4 copy '));
    if (copying !== undefined && (await isStopped(copying.pid))) return child;
    expect(await ended).toEqual([0, null]);
    await undo(verb);
  }
}

/** Stops a process, unless it ends before. */
async function isStopped(pid: number): Promise<boolean> {
  for (signalProcess(pid, 'SIGSTOP'); ; await sleep(1)) {
    const state = stateOf(pid);
    if (state === 'T') return true;
    if (state === undefined || state === 'Z' || state === 'X') return false;
  }
}

function stateOf(pid: number): string | undefined {
  try {
    return /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** Takes back a snapshot or rollback that was done: the template is as before, with the times of the copy that it may be now. */
async function undo(verb: string): Promise<void> {
  const labels = (): string[] => readdirSync(store).flatMap((name) => /^\.x@(?!one$)(.*)$/.exec(name)?.[1] ?? []);
  if (verb === 'rollback') expect(await isolate(['template', 'rollback', '-q', template, ...labels()])).toMatchObject({ status: 0 });
  for (const label of labels()) expect(await isolate(['template', 'remove', '-q', `${template}@${label}`])).toMatchObject({ status: 0 });
  expect(readdirSync(store)).toEqual(['.x@one', 'x']);
  whole = listAll();
}

const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof numbers;

/** Sends a signal to a process or its group, and expects that nothing has changed. */
async function expectStopped(child: ChildProcess, signal: Signal, to: 'process' | 'terminal'): Promise<void> {
  const end = finished(child);
  process.kill((to === 'process' ? 1 : -1) * (child.pid ?? 0), signal);
  expect(await end).toEqual({ status: numbers[signal], signal: null, stdout: '', stderr: `isolate: isolate was stopped by ${signal}.\n` });
  expect([readdirSync(store), changes()]).toEqual([['.x@one', 'x'], []]);
}

test.each<[Signal, 'process' | 'terminal', string, string]>([
  ['SIGINT', 'process', 'snapshot', 'two'],
  ['SIGTERM', 'process', 'rollback', 'one'],
  ['SIGHUP', 'terminal', 'snapshot', 'two'],
  ['SIGINT', 'terminal', 'rollback', 'one'],
])('%s to the %s ends %s, and nothing is left', async (signal, to, verb, label) => {
  const child = await startStopped(verb, label);
  await expectStopped(child, signal, to);
});

test.each<[Signal, 'process' | 'terminal']>([
  ['SIGTERM', 'process'],
  ['SIGINT', 'terminal'],
])('%s to the %s ends a receive, and nothing is left', async (signal, to) => {
  const child = start('receive', '-q', join(store, 'y'));
  child.stdin?.on('error', () => {});
  child.stdin?.write(sent.subarray(0, sent.length - 100_000));
  await begun('y', child);
  await expectStopped(child, signal, to);
});

test.each<[Signal, 'process' | 'terminal']>([
  ['SIGTERM', 'process'],
  ['SIGINT', 'terminal'],
])('%s to the %s ends an update, and nothing of it is left', async (signal, to) => {
  const child = start('update', '-q', template);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await expect.poll(() => output, { timeout: 90_000 }).toBe('begun\n');
  await expectStopped(child, signal, to);
});
