import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { findOwnFiles } from '../../../src/host/own-files.ts';
import { runCommand } from '../../../src/process/command.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';
import { openDir } from '../../../src/storage/dir/driver.ts';
import type { CreateOptions, CreateResult, StorageDriver } from '../../../src/storage/driver.ts';
import { mountScratch, tool } from '../../rig/disk.ts';

const create: CreateOptions = { owners: null, mountDirectory: '/nonexistent' };
const id = '1795312244000000001';
const megabyte = Buffer.alloc(1024 * 1024, 'x');
let directory: string;
let disk: string;
let template: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-dir-'));
  disk = join(directory, 'disk');
  template = join(disk, 'template');
  await mkdir(disk);
});
afterEach(async () => {
  await tool('/bin/umount', disk);
  await rm(directory, { recursive: true });
});

async function openOn(type: 'btrfs' | 'xfs' | 'ext4'): Promise<StorageDriver> {
  await mountScratch(type, join(directory, 'image'), disk);
  await mkdir(template);
  return openDir(template, {
    run: runCommand,
    runWithIds: runCommand,
    tree: findOwnFiles().tree,
    stateDirectory: join(directory, 'state'),
    canIdmap: () => true,
    copyTree: (from, to) => tool(findOwnFiles().tree, 'copy', '--reflink', from, '.', to, '.'),
    removeTree: (path) => rm(path, { recursive: true }),
  });
}

async function makeOne(driver: StorageDriver): Promise<CreateResult> {
  const [result] = await driver.create(await driver.newestSource(), [id], create);
  if (result === undefined) throw new Error('one was asked for');
  return result;
}

async function usedBytes(): Promise<number> {
  await tool('/bin/sync', '--file-system', disk);
  const { stdout } = await runCommand({ file: '/bin/df', args: ['--block-size=1', '--output=used', disk], timeoutMs: 10_000 });
  return Number(stdout.split('\n')[1]);
}

/** A clone of the storage has its base already. */
const noBase = { makeBase: () => Promise.reject(new Error('No base is made.')), mountDirectory: '/nonexistent' };

test.each(['btrfs', 'xfs'] as const)('a clone on %s shares the blocks of the template until it changes them', async (type) => {
  const driver = await openOn(type);
  for (let file = 0; file < 40; file += 1) await writeFile(join(template, `file${file}`), megabyte);
  const before = await usedBytes();
  const made = await makeOne(driver);
  if (!made.ok) throw made.error;
  expect((await usedBytes()) - before).toBeLessThan(8 * megabyte.length);
  await writeFile(join(placeOf(made.rootfs), 'file0'), 'changed');
  expect((await readFile(join(template, 'file0'))).equals(megabyte)).toBe(true);
  expect(await driver.openChanges(made.clone, placeOf(made.rootfs), noBase)).toMatchObject({
    base: template,
    other: placeOf(made.rootfs),
    form: { kind: 'trees', sameInodesSinceMs: null },
  });
});

test('a file without checksums is copied as one', async () => {
  const driver = await openOn('btrfs');
  await writeFile(join(template, 'journal'), '');
  await tool('/usr/bin/chattr', '+C', join(template, 'journal'));
  await writeFile(join(template, 'journal'), megabyte);
  const made = await makeOne(driver);
  if (!made.ok) throw made.error;
  const { stdout } = await runCommand({ file: '/usr/bin/lsattr', args: [join(placeOf(made.rootfs), 'journal')], timeoutMs: 10_000 });
  expect(stdout).toMatch(/^-+C-+ /);
});

test('where files cannot share blocks nothing is copied, and nothing is left of the attempt', async () => {
  const driver = await openOn('ext4');
  await writeFile(join(template, 'file'), 'content');
  expect(await makeOne(driver)).toMatchObject({ id, ok: false });
  expect(await driver.list()).toEqual([]);
  expect(await readdir(join(disk, '.template.clones/dir'))).toEqual(['template']);
});
