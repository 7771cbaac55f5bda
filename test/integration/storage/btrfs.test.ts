import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { findOwnFiles } from '../../../src/host/own-files.ts';
import { runCommand } from '../../../src/process/command.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';
import { openBtrfs } from '../../../src/storage/btrfs/driver.ts';
import type { CreateOptions, CreateResult, StorageDriver } from '../../../src/storage/driver.ts';
import { mountScratch, tool } from '../../rig/disk.ts';

const create: CreateOptions = { owners: null, mountDirectory: '/nonexistent' };
const id = '1795312244000000001';
const { tree } = findOwnFiles();
let directory: string;
let disk: string;
let template: string;
let clones: string;
let driver: StorageDriver;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-btrfs-'));
  disk = join(directory, 'disk');
  await mkdir(disk);
  await mountScratch('btrfs', join(directory, 'image'), disk);
  template = join(disk, 'template');
  clones = join(disk, '.template.clones/btrfs');
  await subvolume('create', template);
  await writeFile(join(template, 'file'), 'template');
  driver = open();
});
afterEach(async () => {
  await tool('/bin/umount', disk);
  await rm(directory, { recursive: true });
});

function open(): StorageDriver {
  return openBtrfs(template, {
    run: runCommand,
    runWithIds: runCommand,
    tree,
    stateDirectory: join(directory, 'state'),
    canIdmap: () => true,
    removeTree: (path) => rm(path, { recursive: true }),
  });
}

const subvolume = (...words: string[]): Promise<void> => tool('/bin/btrfs', 'subvolume', ...words);

async function makeOne(): Promise<CreateResult & { ok: true }> {
  const [result] = await driver.create(await driver.newestSource(), [id], create);
  if (result?.ok !== true) throw result?.error ?? new Error('not made');
  return result;
}

/** Their paths in the file system. */
async function listSubvolumes(): Promise<readonly string[]> {
  const { stdout } = await runCommand({ file: '/bin/btrfs', args: ['subvolume', 'list', disk], timeoutMs: 10_000 });
  return stdout.split('\n').flatMap((line) => / path (.*)$/.exec(line)?.[1] ?? []);
}

/** A clone of the storage has its base already. */
const noBase = { makeBase: () => Promise.reject(new Error('No base is made.')), mountDirectory: '/nonexistent' };

test('a clone is known by the UUID of its snapshot, whatever its directory is', async () => {
  const { clone } = await makeOne();
  const { stdout } = await runCommand({ file: '/bin/btrfs', args: ['subvolume', 'show', join(clones, id, 'root')], timeoutMs: 10_000 });
  expect(stdout.replaceAll('-', '')).toContain(clone.guid);
  await subvolume('delete', join(clones, id, 'root'));
  await subvolume('create', join(clones, id, 'root'));
  expect(await driver.destroy([clone])).toMatchObject([{ id, outcome: 'refused', error: { code: 'dataset-not-ours' } }]);
  expect(await readdir(join(clones, id))).toEqual(['base', 'root']);
});

test('a clone has what the template was beside it, which cannot be changed, and keeps the numbers of files', async () => {
  const { clone, rootfs } = await makeOne();
  await writeFile(join(template, 'file'), 'later');
  const { base, other, form } = await driver.openChanges(clone, placeOf(rootfs), noBase);
  expect({ other, form, content: await readFile(join(base, 'file'), 'utf8') }).toEqual({
    other: join(clones, id, 'root'),
    form: { kind: 'trees', sameInodesSinceMs: clone.createdMs },
    content: 'template',
  });
  await expect(writeFile(join(base, 'file'), 'changed')).rejects.toMatchObject({ code: 'EROFS' });
  const [before, after] = [await stat(join(base, 'file')), await stat(join(other, 'file'))];
  expect([after.ino, after.ctimeMs]).toEqual([before.ino, before.ctimeMs]);
});

test('subvolumes that a run makes are removed with its clone', async () => {
  const { clone, rootfs } = await makeOne();
  await mkdir(join(placeOf(rootfs), 'a/b'), { recursive: true });
  for (const path of ['a/one', 'a/b/two', 'a/b/two/three']) await subvolume('create', join(placeOf(rootfs), path));
  await writeFile(join(placeOf(rootfs), 'a/b/two/three/file'), 'deep');
  await tool('/bin/btrfs', 'property', 'set', join(placeOf(rootfs), 'a/b/two/three'), 'ro', 'true');
  expect(await driver.destroy([clone])).toEqual([{ id, outcome: 'gone' }]);
  expect(await listSubvolumes()).toEqual(['template']);
});

test.each(['new', 'gone'])('what a crash left is listed as unmarked and removed: a clone named .%s', async (stage) => {
  const { clone } = await makeOne();
  await rename(join(clones, id), join(clones, `${id}.${stage}`));
  expect(await driver.list()).toMatchObject([{ id, marked: false, mountpoint: null, guid: clone.guid }]);
  await subvolume('delete', join(clones, `${id}.${stage}`, 'root'));
  const left = await driver.list();
  expect(left).toMatchObject([{ id, marked: false }]);
  expect(await driver.destroy(left)).toEqual([{ id, outcome: 'gone' }]);
  expect([await driver.list(), await listSubvolumes()]).toEqual([[], ['template']]);
});

test('a template with another subvolume in it has no clones, and nothing is left of the attempt', async () => {
  await subvolume('create', join(template, 'nested'));
  const [result] = await driver.create(await driver.newestSource(), [id], create);
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'storage-failed', message: expect.stringContaining('subvolumes below') as string },
  });
  expect(await driver.list()).toEqual([]);
  expect(await readdir(clones)).toEqual(['template']);
});

test('a directory of btrfs that is no subvolume has no clones', async () => {
  template = join(disk, 'plain');
  await mkdir(template);
  driver = open();
  await expect(driver.probe()).rejects.toMatchObject({ code: 'template-not-filesystem' });
  expect(await driver.create(await driver.newestSource(), [id], create)).toMatchObject([{ ok: false }]);
});

test('a user other than root may make snapshots of its own subvolume, and removes what is in them', async () => {
  const uid = 54_441;
  await chmod(directory, 0o755);
  await chown(template, uid, uid);
  await mkdir(join(disk, 'clones'));
  await chown(join(disk, 'clones'), uid, uid);
  const asUser = async (...args: string[]): Promise<string> => {
    const words = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', ...args];
    const { stdout, stderr, exitCode } = await runCommand({ file: '/usr/bin/setpriv', args: words, timeoutMs: 10_000 });
    return exitCode === 0 ? stdout : stderr;
  };
  const place = join(disk, 'clones');
  expect(await asUser(tree, 'snapshot', template, place, 'base', 'root')).toBe('');
  const [uuid = ''] = (await asUser(tree, 'subvolumes', join(place, 'base'))).split('\0');
  expect(await asUser(tree, 'drop', place, uuid, 'base')).toBe(`${join(place, 'base')}\0`);
  expect(await asUser('/bin/rm', '-r', join(place, 'base'))).toBe('');
  expect(await asUser(tree, 'drop', place, uuid, 'root')).toBe(`${join(place, 'root')}: another subvolume is there: Stale file handle\n`);
  expect(await readdir(place)).toEqual(['root']);
});
