import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

let archive: string;
let contents: Buffer;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ended-'));
  archive = join(directory, 'root.tar');
  execFileSync('tar', ['-cf', archive, '-C', await busyboxRootfs(), '.']);
  contents = readFileSync(archive);
});

/** Begins a template of which only a part of the archive has come, and waits until that part is unpacked. */
async function beginHalf(parent: string): Promise<ChildProcess> {
  const child = startIsolate(['template', 'create', '-q', join(parent, 'x'), '--from', '-']);
  child.stdin?.on('error', () => {});
  child.stdin?.write(contents.subarray(0, contents.length / 2));
  const drafts = (): string[] => readdirSync(parent).filter((name) => name.includes('.new-'));
  await expect.poll(() => drafts().some((name) => existsSync(join(parent, name, 'tree/bin/busybox'))), { timeout: 30_000 }).toBe(true);
  return child;
}

/** Processes whose command line or mounts name something in the directory, and tar in sandboxes. */
function left(parent: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const read = (pid: string, file: string): string => attempt(() => readFileSync(`/proc/${pid}/${file}`, 'latin1'));
  return pids.filter((pid) => read(pid, 'cmdline').startsWith('tar\0') || read(pid, 'mountinfo').includes(`${parent}/`));
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends it, and nothing is left', async (signal, status) => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const child = await beginHalf(parent);
  child.kill(signal);
  expect(await finished(child)).toEqual({
    status,
    signal: null,
    stdout: '',
    stderr: `isolate: isolate was stopped by ${signal}.\n`,
  });
  expect(readdirSync(parent)).toEqual([]);
  await expect.poll(() => left(parent)).toEqual([]);
});

test('a named pipe into which nobody writes keeps nobody waiting', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const pipe = join(parent, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const ways = {
    [`${pipe} is not a file.`]: ['create', join(parent, 'x'), '--from', pipe],
    [`The keyring ${pipe} cannot be read.`]: ['create', join(parent, 'x'), '--from', 'debian:trixie', '--keyring', pipe],
  };
  for (const [message, words] of Object.entries(ways)) {
    const { status, stderr } = await isolate(['template', ...words]);
    expect([status, stderr.split('\n')[0]]).toEqual([1, `isolate: ${message}`]);
  }
  expect(readdirSync(parent)).toEqual(['pipe']);
});

test('a template is received from a named pipe, and waiting for its writer can be ended', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const [pipe, from] = [join(parent, 'pipe'), join(parent, 'from')];
  execFileSync('mkfifo', [pipe]);
  const waiting = startIsolate(['template', 'receive', join(parent, 'x'), pipe]);
  await expect.poll(() => waitsFor(waiting.pid!, pipe), { timeout: 30_000 }).toBe(true);
  waiting.kill('SIGINT');
  expect((await finished(waiting)).stderr).toBe('isolate: isolate was stopped by SIGINT.\n');
  expect((await isolate(['template', 'create', '-q', from, '--from', archive])).status).toBe(0);
  const receiving = startIsolate(['template', 'receive', '-q', join(parent, 'x'), pipe]);
  execFileSync('sh', ['-c', '"$0" template send -q "$1" > "$2"', isolatePath, from, pipe]);
  expect(await finished(receiving)).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(existsSync(join(parent, 'x/bin/busybox'))).toBe(true);
});

/** Whether a process waits for something to read from a file (proc_pid_fdinfo(5)). */
function waitsFor(pid: number, file: string): boolean {
  const names = readdirSync(`/proc/${pid}/fd`);
  const found = names.find((name) => attempt(() => readlinkSync(`/proc/${pid}/fd/${name}`)) === file);
  const waits = new RegExp(`^tfd:\\s+${found ?? 'none'} `, 'm');
  return names.some((name) => waits.test(attempt(() => readFileSync(`/proc/${pid}/fdinfo/${name}`, 'latin1'))));
}

/** '': it has been closed. */
function attempt(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}

test('SIGKILL leaves no template and no process, and the next one removes the rest', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const child = await beginHalf(parent);
  child.kill('SIGKILL');
  await once(child, 'close');
  await expect.poll(() => left(parent), { timeout: 30_000 }).toEqual([]);
  expect(existsSync(join(parent, 'x'))).toBe(false);
  expect(await isolate(['template', 'create', '-q', join(parent, 'x'), '--from', archive])).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(parent)).toEqual(['x']);
});

test('a full disk ends it, and nothing is left', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k,mode=700', 'tmpfs', parent]);
  expect(await isolate(['template', 'create', join(parent, 'x'), '--from', archive])).toMatchObject({
    status: 1,
    stderr: `isolate: ${archive} cannot be unpacked: there is too little space left in ${parent}.\nhint: free some space there\n`,
  });
  expect(readdirSync(parent)).toEqual([]);
  execFileSync('umount', [parent]);
});

test('of two that make the same template, one does', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const first = await beginHalf(parent);
  expect(await isolate(['template', 'create', '-q', join(parent, 'x'), '--from', archive])).toMatchObject({ status: 0 });
  first.stdin?.end(contents.subarray(contents.length / 2));
  const { status, stderr } = await finished(first);
  expect({ status, stderr: stderr.split('\n')[0] }).toEqual({ status: 1, stderr: `isolate: There is already something at ${parent}/x.` });
  expect(readdirSync(parent)).toEqual(['x']);
});
