import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { finished, isolate, startIsolate } from '../rig/isolate.ts';
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
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'latin1');
    } catch {
      return '';
    }
  };
  return pids.filter((pid) => read(pid, 'cmdline').startsWith('tar\0') || read(pid, 'mountinfo').includes(`${parent}/`));
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends it, and nothing is left', { timeout: 60_000 }, async (signal) => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const child = await beginHalf(parent);
  child.kill(signal);
  expect(await finished(child)).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: `isolate: isolate was stopped by ${signal}.\n`,
  });
  expect([readdirSync(parent), left(parent)]).toEqual([[], []]);
});

test('SIGKILL leaves no template and no process, and the next one removes the rest', { timeout: 60_000 }, async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const child = await beginHalf(parent);
  child.kill('SIGKILL');
  await once(child, 'close');
  await expect.poll(() => left(parent), { timeout: 30_000 }).toEqual([]);
  expect(existsSync(join(parent, 'x'))).toBe(false);
  expect(await isolate(['template', 'create', '-q', join(parent, 'x'), '--from', archive])).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(parent)).toEqual(['x']);
});

test('a full disk ends it, and nothing is left', { timeout: 60_000 }, async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k,mode=700', 'tmpfs', parent]);
  expect(await isolate(['template', 'create', join(parent, 'x'), '--from', archive])).toMatchObject({
    status: 1,
    stderr: `isolate: ${archive} cannot be unpacked: there is no space left.\n`,
  });
  expect(readdirSync(parent)).toEqual([]);
  execFileSync('umount', [parent]);
});

test('of two that make the same template, one does', { timeout: 60_000 }, async () => {
  const parent = mkdtempSync(join(tmpdir(), 'ended-'));
  const first = await beginHalf(parent);
  expect(await isolate(['template', 'create', '-q', join(parent, 'x'), '--from', archive])).toMatchObject({ status: 0 });
  first.stdin?.end(contents.subarray(contents.length / 2));
  const { status, stderr } = await finished(first);
  expect({ status, stderr: stderr.split('\n')[0] }).toEqual({ status: 1, stderr: `isolate: There is already something at ${parent}/x.` });
  expect(readdirSync(parent)).toEqual(['x']);
});
