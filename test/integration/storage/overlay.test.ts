import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CreateOptions, CreateResult, StorageDriver } from '../../../src/storage/driver.ts';
import { openOverlay } from '../../../src/storage/overlay/driver.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';

const create: CreateOptions = { owners: null, mountDirectory: '/nonexistent' };
const id = '1795312244000000001';
let directory: string;
let template: string;
let removed: string[];
let driver: StorageDriver;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-overlay-'));
  template = join(directory, 'template');
  await mkdir(template);
  await chmod(template, 0o750);
  removed = [];
  driver = openOverlay(template, {
    stateDirectory: join(directory, 'state'),
    canIdmap: (path) => path === template,
    measureTree: async () => 4096,
    removeTree: async (path) => {
      removed.push(path);
      await rm(path, { recursive: true });
    },
  });
});
afterEach(() => rm(directory, { recursive: true }));

async function makeOne(): Promise<CreateResult & { ok: true }> {
  const [result] = await driver.create(await driver.newestSource(), [id], create);
  if (result === undefined || !result.ok) throw new Error('not made');
  return result;
}

test('gives layers whose root has owner and mode of the template', async () => {
  const { rootfs } = await makeOne();
  const parent = dirname(placeOf(rootfs));
  expect(rootfs).toEqual({
    parts: [
      {
        kind: 'overlay',
        lower: template,
        upperParent: parent,
        ownership: { kind: 'natural' },
        idmappable: { lower: true, upper: false },
      },
    ],
  });
  expect((await stat(join(parent, 'upper'))).mode & 0o7777).toBe(0o750);
  expect((await readdir(parent)).toSorted()).toEqual(['merged', 'upper', 'work']);
  expect((await stat(parent)).mode & 0o7777).toBe(0o700);
});

test('passes a whole clone to removeTree, renamed so that it never counts as live', async () => {
  const { clone, rootfs } = await makeOne();
  const parent = dirname(placeOf(rootfs));
  expect(await driver.destroy([clone])).toEqual([{ id, outcome: 'gone' }]);
  expect(removed).toEqual([`${parent}.gone`]);
});

test.each(['new', 'gone'])('lists what a crash left as unmarked (%s) and destroys it', async (stage) => {
  const { clone, rootfs } = await makeOne();
  const parent = dirname(placeOf(rootfs));
  await rename(parent, `${parent}.${stage}`);
  expect(await driver.list()).toMatchObject([{ id, marked: false, mountpoint: null, guid: clone.guid }]);
  expect(await driver.destroy(await driver.list())).toEqual([{ id, outcome: 'gone' }]);
  expect(await driver.list()).toEqual([]);
});

test("answers a tree that cannot be removed as that clone's failure and keeps it listed", async () => {
  const { clone } = await makeOne();
  const stubborn = openOverlay(template, {
    stateDirectory: join(directory, 'state'),
    canIdmap: () => false,
    measureTree: async () => 4096,
    removeTree: () => Promise.reject(new Error('EACCES')),
  });
  expect(await stubborn.destroy([clone])).toMatchObject([{ id, outcome: 'failed', error: { code: 'storage-failed' } }]);
  expect(await stubborn.list()).toMatchObject([{ id, marked: false }]);
});

test('makes nothing over a template that has been replaced', async () => {
  const source = await driver.newestSource();
  await rename(template, `${template}.old`);
  await mkdir(template);
  await expect(driver.create(source, [id], create)).rejects.toMatchObject({ code: 'template-missing' });
});

test.each([
  ['is not there', 'nothing', 'template-missing', 'There is no template directory'],
  ['is a file', 'file', 'template-not-filesystem', 'is not a directory'],
])('tells a template that %s', async (_name, name, code, part) => {
  await writeFile(join(directory, 'file'), '');
  const path = join(directory, name);
  const overlay = openOverlay(path, {
    stateDirectory: directory,
    canIdmap: () => false,
    removeTree: async () => {},
    measureTree: async () => 0,
  });
  await expect(overlay.probe()).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
});
