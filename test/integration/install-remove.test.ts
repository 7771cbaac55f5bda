import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { runCommand } from '../../src/process/command.ts';
import { mountScratch, tool } from '../rig/disk.ts';
import { isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { mountsBelow } from '../rig/storm-place.ts';

const checkout = join(import.meta.dirname, '../..');
const program = '/opt/isolate';
const state = '/var/lib/isolate';
let directory: string;
let roots: readonly (readonly string[])[];

// What an installation has in /opt, and its state in real directories, because what is mounted cannot be removed.
const places = ['/opt', '/run', '/var/lib'];
beforeAll(async () => {
  directory = mkdtempSync('/tmp/isolate-remove-');
  for (const type of ['btrfs', 'xfs'] as const) {
    mkdirSync(join(directory, type));
    await mountScratch(type, join(directory, `${type}.image`), join(directory, type));
  }
  // What other tests have left there would be below what is mounted now, where nobody reaches it.
  for (const mountpoint of mountsBelow('/run/isolate').toReversed()) await tool('/bin/umount', mountpoint);
  for (const place of places) await tool('/bin/mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', place);
  await tool('/bin/btrfs', '--quiet', 'subvolume', 'create', join(directory, 'btrfs/root'));
  for (const name of ['plain', 'btrfs/root', 'xfs/root']) await busyboxRootfs(join(directory, name));
  roots = [
    ['-t', join(directory, 'plain'), '--ephemeral'],
    ['-t', join(directory, 'btrfs/root'), '--ephemeral', '--storage', 'btrfs'],
    ['-t', join(directory, 'xfs/root'), '--ephemeral', '--storage', 'dir'],
  ];
}, 60_000);
afterAll(async () => {
  for (const place of [...places.toReversed(), join(directory, 'btrfs'), join(directory, 'xfs')]) await tool('/bin/umount', place);
  rmSync(directory, { recursive: true });
});

/** As scripts/install leaves it, but for what is outside. */
beforeEach(() => {
  const node = `node_modules/node-linux-${process.arch}/bin`;
  mkdirSync(join(program, node), { recursive: true });
  cpSync(join(isolatePath, '..'), join(program, 'dist'), { recursive: true });
  for (const name of ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', `${node}/node`])
    cpSync(join(checkout, name), join(program, name));
  writeFileSync(join(program, 'installed'), '');
});

async function remove(): Promise<{ readonly status: number; readonly output: string }> {
  const file = join(checkout, 'scripts/install');
  return await promisify(execFile)(file, ['--remove']).then(
    ({ stdout, stderr }) => ({ status: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ status: code, output: stdout + stderr }),
  );
}

/** What is left of isolate and its clones. */
async function left(): Promise<readonly string[]> {
  const { stdout } = await runCommand({ file: '/bin/btrfs', args: ['subvolume', 'list', join(directory, 'btrfs')], timeoutMs: 10_000 });
  const subvolumes = stdout.split('\n').flatMap((line) => / path (.*)$/.exec(line)?.[1] ?? []);
  const clones = ['.', 'btrfs', 'xfs'].flatMap((name) => readdirSync(join(directory, name)).filter((one) => one.endsWith('.clones')));
  const own = places.flatMap((place) => readdirSync(place).filter((name) => name === 'isolate'));
  return [...subvolumes.filter((name) => name !== 'root'), ...clones, ...own];
}

async function killRun(root: readonly string[]): Promise<void> {
  const child = startIsolate([...root, 'sh', '-c', 'echo in; exec sleep 600']);
  await once(child.stdout as Readable, 'data');
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test('the clones of directories that killed runs left are removed, with their subvolumes and places', async () => {
  for (const root of roots) await killRun(root);
  expect((await left()).filter((name) => name.endsWith('/root'))).toHaveLength(1);
  await expect.poll(async () => (await isolate(['ps', '--json'])).stdout).toBe('{"runs":[]}\n');
  expect(await remove()).toMatchObject({ status: 0, output: expect.stringContaining('isolate is removed.') });
  expect(await left()).toEqual([]);
});

test('nothing is removed while there are sessions, also after their names were lost: they are named', async () => {
  for (const [index, root] of roots.entries()) {
    expect(await isolate([`--keep=kept-${index}`, ...root, 'sh', '-c', 'echo here > /mine'])).toMatchObject({ status: 0 });
  }
  rmSync(join(state, 'sessions'), { recursive: true });
  rmSync('/run/isolate', { recursive: true });
  const { status, output } = await remove();
  expect(status).toBe(1);
  expect(output).toMatch(/these sessions are kept; remove them first \(isolate rm --owner USER NAME\):\nkept-0 .*\nkept-1 .*\nkept-2 /);
  for (const index of roots.keys()) {
    expect(await isolate(['enter', `kept-${index}`, 'cat', '/mine'])).toMatchObject({ status: 0, stdout: 'here\n' });
    expect(await isolate(['rm', '--owner', 'root', `kept-${index}`])).toMatchObject({ status: 0 });
  }
  expect(await remove()).toMatchObject({ status: 0 });
  expect(await left()).toEqual([]);
});

test('the program stays while a clone is left that it does not destroy, and it is named', async () => {
  const [plain = []] = roots;
  expect(await isolate(['--keep=odd', ...plain, 'true'])).toMatchObject({ status: 0 });
  const key = readdirSync(join(state, 'overlay')).find((name) => name.startsWith('plain-')) ?? '';
  const id = readdirSync(join(state, 'overlay', key)).find((name) => /^\d+$/.test(name)) ?? '';
  const session = join(state, 'overlay', key, id, 'session');
  const text = readFileSync(session, 'utf8');
  // As a later version may write it.
  writeFileSync(session, text.replace('"version":1', '"version":2'));
  rmSync(join(state, 'sessions'), { recursive: true });
  const { status, output } = await remove();
  expect({ status, left: await left() }).toEqual({ status: 1, left: expect.arrayContaining(['isolate']) as string[] });
  expect(output).toContain(`these places of clones are not empty (above), so isolate stays`);
  expect(output).toContain(join(state, 'overlay', key));
  writeFileSync(session, text);
  expect(await isolate(['rm', 'odd'])).toMatchObject({ status: 0 });
  expect(await remove()).toMatchObject({ status: 0 });
  expect(await left()).toEqual([]);
});

test('nothing is removed where the program cannot say what there is', async () => {
  rmSync(join(program, 'dist/isolate.cjs'));
  expect(await remove()).toMatchObject({ status: 1, output: expect.stringContaining('so it is not known what would be lost') });
  expect(await left()).toContain('isolate');
});
