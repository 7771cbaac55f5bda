import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../../src/process/command.ts';
import type { CloneRef, CreateOptions, CreateResult, DestroyResult, StorageDriver } from '../../../src/storage/driver.ts';
import { openStorage, type StorageOptions } from '../../../src/storage/registry.ts';
import { findOwnFiles } from '../../../src/host/own-files.ts';
import { destroyUnused } from '../../rig/destroy-unused.ts';
import { mountScratch, tool } from '../../rig/disk.ts';
import { makePool } from '../../rig/zpool.ts';
import { placeOf, sourceOf } from '../../../src/rootfs/rootfs.ts';

type Made = CreateResult & { ok: true };

/** One driver over a real file system, with what the suite needs around it. */
interface Fixture {
  readonly driver: StorageDriver;
  /** Reads and writes what a sandbox on the clone would. */
  readonly read: (made: Made, name: string) => Promise<string>;
  readonly write: (made: Made, name: string, content: string) => Promise<void>;
  /** Ends the use of all clones. */
  readonly leave: () => Promise<void>;
  readonly end: () => Promise<void>;
}

const options = (stateDirectory: string, tools: StorageOptions['tools'] = { zfs: null, zpool: null }): StorageOptions => ({
  tools,
  run: runCommand,
  runWithIds: runCommand,
  stateDirectory,
  canIdmap: () => false,
  removeTree: (path) => rm(path, { recursive: true }),
  measureTree: async () => 4096,
  copyTree: (from, to) => tool(treeProgram, 'copy', '--reflink', from, '.', to, '.'),
  tree: treeProgram,
});
const treeProgram = findOwnFiles().tree;

async function zfsFixture(): Promise<Fixture> {
  const pool = await makePool();
  const template = `${pool.name}/run/tpl`;
  await pool.zfs('create', '-p', template);
  await writeFile(join(pool.directory, 'pool/run/tpl/os-release'), 'first');
  await pool.zfs('snapshot', `${template}@b`);
  await writeFile(join(pool.directory, 'pool/run/tpl/os-release'), 'template');
  await pool.zfs('snapshot', `${template}@a`);
  const driver = await openStorage({ kind: 'volume', locator: template }, options('/var/lib/isolate', pool.tools));
  return {
    driver,
    read: ({ rootfs }, name) => readFile(join(placeOf(rootfs), name), 'utf8'),
    write: ({ rootfs }, name, content) => writeFile(join(placeOf(rootfs), name), content),
    leave: async () => {},
    end: pool.end,
  };
}

/** Layers on a file system of their own, put together as an engine would. */
async function overlayFixture(type: 'tmpfs' | 'ext4' | 'btrfs'): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-overlay-'));
  const state = join(directory, 'state');
  const template = join(directory, 'template');
  await Promise.all([mkdir(template), mkdir(state)]);
  await chmod(template, 0o755);
  await writeFile(join(template, 'os-release'), 'template');
  await mountScratch(type, join(directory, 'image'), state);
  const driver = await openStorage({ kind: 'directory', path: template, write: 'clone' }, options(state));
  const mounted = new Set<string>();
  const merged = async ({ rootfs }: Made): Promise<string> => {
    const [part] = rootfs.parts;
    const parent = part.kind === 'overlay' ? part.upperParent : '';
    const layers = `lowerdir=${sourceOf(rootfs)},upperdir=${parent}/upper,workdir=${parent}/work`;
    if (!mounted.has(placeOf(rootfs))) await tool('/bin/mount', '-t', 'overlay', '-o', layers, 'overlay', placeOf(rootfs));
    mounted.add(placeOf(rootfs));
    return placeOf(rootfs);
  };
  return {
    driver,
    read: async (made, name) => readFile(join(await merged(made), name), 'utf8'),
    write: async (made, name, content) => writeFile(join(await merged(made), name), content),
    leave: async () => {
      for (const path of mounted) await tool('/bin/umount', path);
      mounted.clear();
    },
    end: async () => {
      await tool('/bin/umount', state);
      await rm(directory, { recursive: true });
    },
  };
}

/** Whole trees on the file system of their template: in the state directory if that is there too, otherwise beside the template. */
async function treeFixture(storage: 'btrfs' | 'dir', type: 'btrfs' | 'xfs', isBeside: boolean): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-trees-'));
  const [disk, state] = [join(directory, 'disk'), join(directory, isBeside ? 'state' : 'disk/state')];
  await mkdir(disk);
  await mountScratch(type, join(directory, 'image'), disk);
  const template = join(disk, 'template');
  await (storage === 'btrfs' ? tool('/bin/btrfs', 'subvolume', 'create', template) : mkdir(template));
  await chmod(template, 0o755);
  await writeFile(join(template, 'os-release'), 'template');
  const driver = await openStorage({ kind: 'directory', path: template, write: 'clone', storage }, options(state));
  return {
    driver,
    read: ({ rootfs }, name) => readFile(join(placeOf(rootfs), name), 'utf8'),
    write: ({ rootfs }, name, content) => writeFile(join(placeOf(rootfs), name), content),
    leave: async () => {},
    end: async () => {
      expect((await readdir(disk)).toSorted()).toEqual(isBeside ? ['.template.clones', 'template'] : ['state', 'template']);
      await tool('/bin/umount', disk);
      await rm(directory, { recursive: true });
    },
  };
}

const drivers = [
  ['zfs on zfs-fuse', zfsFixture],
  ['overlay on tmpfs', () => overlayFixture('tmpfs')],
  ['overlay on ext4', () => overlayFixture('ext4')],
  ['overlay on btrfs', () => overlayFixture('btrfs')],
  ['snapshots of btrfs beside the template', () => treeFixture('btrfs', 'btrfs', true)],
  ['snapshots of btrfs in the state directory', () => treeFixture('btrfs', 'btrfs', false)],
  ['copies on btrfs beside the template', () => treeFixture('dir', 'btrfs', true)],
  ['copies on xfs in the state directory', () => treeFixture('dir', 'xfs', false)],
] as const;

describe.each(drivers)('%s', (_name, makeFixture) => {
  let fixture: Fixture;
  let driver: StorageDriver;
  let create: CreateOptions;

  beforeAll(async () => {
    fixture = await makeFixture();
    driver = fixture.driver;
    create = { owners: null, mountDirectory: await mkdtemp(join(tmpdir(), 'isolate-mounts-')) };
  });
  afterAll(async () => {
    await fixture.end();
    await rm(create.mountDirectory, { recursive: true });
  });

  const make = async (...ids: string[]): Promise<readonly Made[]> => {
    const results = await driver.create(await driver.newestSource(), ids, create);
    return results.map((result) => {
      if (!result.ok) throw result.error;
      return result;
    });
  };
  const destroy = async (refs: readonly CloneRef[]): Promise<readonly DestroyResult[]> => {
    await fixture.leave();
    return destroyUnused(driver, refs);
  };
  const listIds = async (): Promise<readonly string[]> => (await driver.list()).map(({ id }) => id).sort();

  test('reports that it is healthy', async () => {
    const health = await driver.probe();
    expect(health.freeFraction).toBeGreaterThan(0);
  });

  test('makes clones with the content of the newest source, each writable on its own', async () => {
    const [one, two] = await make('1795312244000000001', '1795312244000000002');
    if (one === undefined || two === undefined) throw new Error('two were asked for');
    await fixture.write(one, 'os-release', 'changed');
    expect([await fixture.read(one, 'os-release'), await fixture.read(two, 'os-release')]).toEqual(['changed', 'template']);
    expect(one.clone).toMatchObject({ id: '1795312244000000001', marked: true, kept: false, source: (await driver.newestSource()).name });
  });

  test('lists exactly the clones it made, as it returned them', async () => {
    const [made] = await make('1795312244000000003');
    expect((await driver.list()).find(({ id }) => id === '1795312244000000003')).toEqual(made?.clone);
    expect(await listIds()).toEqual(['1795312244000000001', '1795312244000000002', '1795312244000000003']);
  });

  test('returns an existing clone instead of making it again', async () => {
    const [first] = await make('1795312244000000004');
    const [second] = await make('1795312244000000004');
    expect(second).toEqual(first);
  });

  test('refuses to destroy under another guid, and destroys nothing', async () => {
    await make('1795312244000000005');
    const results = await destroy([{ id: '1795312244000000005', guid: '1' }]);
    expect(results).toMatchObject([{ id: '1795312244000000005', outcome: 'refused', error: { code: 'dataset-not-ours' } }]);
    expect(await listIds()).toContain('1795312244000000005');
  });

  test('destroys clones one by one, and a clone that is already gone is a success', async () => {
    const clones = await driver.list();
    expect(clones).toHaveLength(5);
    expect(await destroy(clones)).toEqual(clones.map(({ id }) => ({ id, outcome: 'gone' })));
    expect(await destroy(clones)).toEqual(clones.map(({ id }) => ({ id, outcome: 'gone' })));
    expect(await driver.list()).toEqual([]);
    expect(await readdir(create.mountDirectory)).toEqual([]);
  });

  test('names no holder of a clone that no other mount namespace has', async () => {
    const [made] = await make('1795312244000000006');
    if (made === undefined) throw new Error('one was asked for');
    expect(await driver.holders(made.clone)).toEqual([]);
    await destroy([made.clone]);
  });

  test('keeps a clone with its text and its changes until it is forgotten, and destroys it only then', async () => {
    const [made] = await make('1795312244000000009');
    if (made === undefined) throw new Error('one was asked for');
    const { clone } = made;
    await fixture.write(made, 'os-release', 'kept');
    const texts = ['one\n', '{"a":"\\t \u00e9"}\n'] as const;
    for (const text of texts) {
      await driver.keep(clone, text);
      expect(await driver.list()).toEqual([{ ...clone, kept: true, session: text }]);
    }
    expect(await destroy([clone])).toMatchObject([{ id: clone.id, outcome: 'refused', error: { code: 'dataset-not-ours' } }]);
    const again = await driver.mount(clone, create);
    if (!again.ok) throw again.error;
    expect(await fixture.read(again, 'os-release')).toBe('kept');
    await driver.forget(clone);
    expect(await driver.list()).toEqual([clone]);
    expect(await destroy([clone])).toEqual([{ id: clone.id, outcome: 'gone' }]);
  });

  test('leaves the template as it was', async () => {
    const [made] = await make('1795312244000000007');
    if (made === undefined) throw new Error('one was asked for');
    await fixture.write(made, 'new', 'x');
    await destroy([made.clone]);
    const [next] = await make('1795312244000000008');
    if (next === undefined) throw new Error('one was asked for');
    await expect(fixture.read(next, 'new')).rejects.toMatchObject({ code: 'ENOENT' });
    await destroy([next.clone]);
  });
});
