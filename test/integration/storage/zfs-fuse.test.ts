import { chmod, chown, link, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { destroyUnused } from '../../rig/destroy-unused.ts';
import { makeZfsRig, type ZfsRig } from '../../rig/zfs-clones.ts';
import { type IdMaps, placeOf } from '../../../src/rootfs/rootfs.ts';
import type { CreateResult, Source, StorageDriver } from '../../../src/storage/driver.ts';

let rig: ZfsRig;
beforeAll(async () => {
  rig = await makeZfsRig();
});
afterAll(() => rig.end());

test.each([
  ['mountpoint=none', ['mountpoint=none']],
  ['mountpoint=legacy', ['mountpoint=legacy']],
  ['canmount=off', ['canmount=off']],
])('clones a template with %s: the clone has a mountpoint of its own', async (_name, options) => {
  const driver = await rig.makeTemplate(`t${options[0]?.replace(/\W/g, '')}`, ...options);
  const made = await rig.makeClone(driver);
  expect(await readdir(placeOf(made.rootfs))).toEqual(['hello']);
  expect(await destroyUnused(driver, [made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('clones a template that is not mounted', async () => {
  const driver = await rig.makeTemplate('unmounted');
  await rig.pool.zfs('unmount', driver.template);
  const made = await rig.makeClone(driver);
  expect(await readdir(placeOf(made.rootfs))).toEqual(['hello']);
  await destroyUnused(driver, [made.clone]);
});

test('mounts a clone below the directory it was given, readable there for root alone', async () => {
  const driver = await rig.makeTemplate('place');
  const made = await rig.makeClone(driver);
  expect(made.rootfs).toEqual({
    parts: [{ kind: 'tree', source: join(rig.mounts, made.id), ownership: { kind: 'natural' }, idmappable: false }],
  });
  expect((await lstat(rig.mounts)).mode & 0o777).toBe(0o700);
  await destroyUnused(driver, [made.clone]);
});

test('mounts clones that are made at once, one after the other, until none is left unmounted', async () => {
  const driver = await rig.makeTemplate('many');
  const ids = Array.from({ length: 60 }, () => rig.takeId());
  const results = await driver.create(await driver.newestSource(), ids, { owners: null, mountDirectory: rig.mounts });
  expect(results.map(({ id, ok }) => ({ id, ok }))).toEqual(ids.map((id) => ({ id, ok: true })));
  const seen = await Promise.all(ids.map((id) => readdir(join(rig.mounts, id))));
  expect(seen).toEqual(ids.map(() => ['hello']));
  expect(await destroyUnused(driver, await driver.list())).toEqual(ids.map((id) => ({ id, outcome: 'gone' })));
});

test('a clone is a usable root, whatever it would inherit', async () => {
  const parent = `${rig.pool.name}/handed`;
  await rig.pool.zfs('create', parent);
  const driver = await rig.makeTemplate('handed/down');
  for (const property of ['readonly=on', 'exec=off', 'setuid=off']) await rig.pool.zfs('set', property, parent);
  const owners = { kind: 'shifted', uidBase: 500_000, gidBase: 600_000 } as const;
  const [made] = await driver.create(await driver.newestSource(), [rig.takeId()], { owners, mountDirectory: rig.mounts });
  if (made?.ok !== true) throw made?.error ?? new Error('one was asked for');
  await writeFile(join(placeOf(made.rootfs), 'new'), 'x');
  const { uid, gid } = await lstat(join(placeOf(made.rootfs), 'hello'));
  const names = 'readonly,exec,setuid,sharenfs,sharesmb';
  const values = await rig.pool.zfs('get', '-H', '-o', 'property,value', names, `${driver.template}_${made.id}`);
  expect({
    uid,
    gid,
    values: values
      .trim()
      .split('\n')
      .map((line) => line.replace('\t', '=')),
  }).toEqual({
    uid: 500_000,
    gid: 600_000,
    values: ['readonly=off', 'exec=on', 'setuid=on', 'sharenfs=off', 'sharesmb=off'],
  });
  expect(await destroyUnused(driver, [made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('the newest snapshot comes with the datasets below the template that its clones lack', async () => {
  const driver = await rig.makeTemplate('parent');
  const { leftOut: before } = await driver.newestSource();
  await rig.pool.zfs('create', `${driver.template}/var`);
  const { leftOut } = await driver.newestSource();
  expect({ before, leftOut }).toEqual({ before: undefined, leftOut: [`${driver.template}/var`] });
});

test('mounts an existing clone that is not mounted', async () => {
  const driver = await rig.makeTemplate('again');
  const { id, clone } = await rig.makeClone(driver);
  await rig.pool.zfs('unmount', `${driver.template}_${id}`);
  await expect.poll(async () => (await driver.list())[0]?.mountpoint).toBe(null);
  const [again] = await driver.create(await driver.newestSource(), [id], { owners: null, mountDirectory: rig.mounts });
  expect(again).toMatchObject({ ok: true, clone });
  await destroyUnused(driver, [clone]);
});

test('marks a clone so that snapshot tools and the next import leave it alone', async () => {
  const driver = await rig.makeTemplate('marks');
  const { id, clone } = await rig.makeClone(driver);
  const text = await rig.pool.zfs(
    'get',
    '-H',
    '-o',
    'property,value,source',
    'isolate:template,com.sun:auto-snapshot,canmount',
    `${driver.template}_${id}`,
  );
  expect(text).toBe(`isolate:template\t${driver.template}\tlocal\ncom.sun:auto-snapshot\tfalse\tlocal\ncanmount\toff\tlocal\n`);
  await destroyUnused(driver, [clone]);
});

test('takes the newest snapshot by transaction, but not one with deferred destruction', async () => {
  const driver = await rig.makeTemplate('newest');
  await rig.pool.zfs('snapshot', `${driver.template}@0`);
  expect((await driver.newestSource()).name).toBe(`${driver.template}@0`);
  const made = await rig.makeClone(driver);
  await rig.pool.zfs('destroy', '-d', `${driver.template}@0`);
  expect((await driver.newestSource()).name).toBe(`${driver.template}@1`);
  await destroyUnused(driver, [made.clone]);
});

test('shifts every owner once and keeps modes, links and what links point at', async () => {
  const driver = await rig.makeTemplate('shift');
  const directory = join(rig.pool.directory, 'pool/shift');
  await mkdir(join(directory, 'sub'));
  await writeFile(join(directory, 'sub/su'), 'su');
  await chmod(join(directory, 'sub/su'), 0o4755);
  await link(join(directory, 'sub/su'), join(directory, 'su2'));
  await symlink('/etc/passwd', join(directory, 'outside'));
  await rig.pool.zfs('snapshot', `${driver.template}@2`);
  const host = await lstat('/etc/passwd');
  const made = await rig.makeClone(driver, { kind: 'shifted', uidBase: 100_000, gidBase: 200_000 });
  const seen = await Promise.all(
    ['', 'hello', 'sub', 'sub/su', 'su2', 'outside'].map(async (name) => {
      const { uid, gid, mode } = await lstat(join(placeOf(made.rootfs), name));
      return [name, uid, gid, (mode & 0o7777).toString(8)];
    }),
  );
  expect(seen).toEqual([
    ['', 100_000, 200_000, '755'],
    ['hello', 100_000, 200_000, '644'],
    ['sub', 100_000, 200_000, '755'],
    ['sub/su', 100_000, 200_000, '4755'],
    ['su2', 100_000, 200_000, '4755'],
    ['outside', 100_000, 200_000, '777'],
  ]);
  expect(made.rootfs.parts[0].ownership).toEqual({ kind: 'shifted', uidBase: 100_000, gidBase: 200_000 });
  expect((await lstat('/etc/passwd')).uid).toBe(host.uid);
  await destroyUnused(driver, [made.clone]);
});

describe('owners that clones get because they cannot be mounted with other ids', () => {
  const owners = { kind: 'shifted', uidBase: 100_000, gidBase: 200_000 } as const;
  const datasets = async (template: string): Promise<readonly string[]> =>
    (await rig.pool.zfs('list', '-H', '-r', '-t', 'all', '-o', 'name,origin', rig.pool.name))
      .trim()
      .split('\n')
      .filter((line) => line.startsWith(template))
      .map((line) => line.replaceAll(template, 'T').replaceAll(/owners-[0-9a-f]{16}/g, 'owners-KEY'));

  /** As a refresh does it. */
  const tidy = async (driver: StorageDriver, newest: Source | null): Promise<void> => {
    await driver.list();
    await driver.tidy?.(newest);
  };

  test('are changed once for all clones of a snapshot', async () => {
    const driver = await rig.makeTemplate('once');
    const source = await driver.newestSource();
    // As the lock for mounts does it.
    let last: Promise<unknown> = Promise.resolve();
    const whileMounting = async <T>(act: () => Promise<T>): Promise<T> => {
      const next = last.then(act);
      last = next.catch(() => undefined);
      return await next;
    };
    const make = async (): Promise<CreateResult | undefined> =>
      (await driver.create(source, [rig.takeId()], { owners, mountDirectory: rig.mounts, whileMounting }))[0];
    const made = [...(await Promise.all([make(), make()])), await make()].flatMap((result) => (result?.ok === true ? [result] : []));
    const ids = made.map(({ id }) => id).toSorted();
    expect(await datasets(driver.template)).toEqual([
      'T\t-',
      'T@1\t-',
      'T.isolate-owners-KEY\tT@1',
      'T.isolate-owners-KEY@ready\t-',
      ...ids.map((id) => `T_${id}\tT.isolate-owners-KEY@ready`),
    ]);
    // They count as clones of the template's snapshot.
    expect([...made.map(({ clone }) => clone), ...(await driver.list())].map(({ source: from }) => from)).toEqual(
      Array(6).fill(source.name),
    );
    expect(await readdir(rig.mounts)).toEqual(ids);
    await tidy(driver, null);
    expect((await datasets(driver.template)).length).toBe(7);
    expect((await destroyUnused(driver, await driver.list())).map(({ outcome }) => outcome)).toEqual(['gone', 'gone', 'gone']);
    await tidy(driver, source);
    expect((await datasets(driver.template)).length).toBe(4);
    await rig.pool.zfs('snapshot', `${driver.template}@2`);
    const copy =
      (await rig.pool.zfs('list', '-H', '-o', 'name', '-r', rig.pool.name)).split('\n').find((name) => name.includes('once.')) ?? '';
    await rig.pool.zfs('set', 'isolate:keep=on', copy);
    await tidy(driver, await driver.newestSource());
    expect((await datasets(driver.template)).length).toBe(5);
    await rig.pool.zfs('inherit', 'isolate:keep', copy);
    await tidy(driver, await driver.newestSource());
    expect(await datasets(driver.template)).toEqual(['T\t-', 'T@1\t-', 'T@2\t-']);
  });

  test('are those of a user, also where the template has others than root', async () => {
    const driver = await rig.makeTemplate('user');
    const directory = join(rig.pool.directory, 'pool/user');
    await writeFile(join(directory, 'own'), '');
    await chown(directory, 300_000, 400_000);
    await chown(join(directory, 'hello'), 300_000, 400_000);
    await chown(join(directory, 'own'), 300_007, 400_008);
    await rig.pool.zfs('snapshot', `${driver.template}@2`);
    const map = (first: number, more: number): IdMaps['uidMap'] => [
      { inside: 0, outside: first, count: 1 },
      { inside: 1, outside: more, count: 65_535 },
    ];
    const mapped = { kind: 'mapped', uidMap: map(1000, 500_000), gidMap: map(1001, 600_000) } as const;
    const made = await rig.makeClone(driver, mapped);
    const seen = await Promise.all(['', 'hello', 'own'].map((name) => lstat(join(placeOf(made.rootfs), name))));
    expect(seen.map(({ uid, gid }) => [uid, gid])).toEqual([
      [1000, 1001],
      [1000, 1001],
      [500_006, 600_007],
    ]);
    expect(made.rootfs.parts[0].ownership).toEqual(mapped);
    await destroyUnused(driver, [made.clone]);
    await tidy(driver, null);
  });

  test('are changed again where that was interrupted, and never in a dataset that is not ours', async () => {
    const driver = await rig.makeTemplate('interrupted');
    const first = await rig.makeClone(driver, owners);
    await destroyUnused(driver, [first.clone]);
    const names = (await rig.pool.zfs('list', '-H', '-o', 'name', '-r', rig.pool.name)).split('\n');
    const copy = names.find((name) => name.startsWith(`${driver.template}.isolate-owners-`)) ?? '';
    // As a kill leaves it: without its snapshot, and mounted.
    await rig.pool.zfs('destroy', `${copy}@ready`);
    await rig.pool.zfs('set', 'canmount=noauto', copy);
    await rig.pool.zfs('mount', copy);
    await writeFile(join(rig.mounts, copy.slice(copy.indexOf('owners-')), 'half'), '');
    const second = await rig.makeClone(driver, owners);
    expect(await readdir(placeOf(second.rootfs))).toEqual(['hello']);
    await destroyUnused(driver, [second.clone]);
    // zfs-fuse ends an unmount some time after it answered.
    await expect.poll(() => rig.pool.zfs('destroy', '-r', copy).then(() => '', String)).toBe('');
    await rig.pool.zfs('create', '-o', 'canmount=off', copy);
    await expect(rig.makeClone(driver, owners)).rejects.toMatchObject({ code: 'dataset-not-ours' });
    await tidy(driver, null);
    expect(await rig.pool.zfs('list', '-H', '-o', 'name', copy)).toBe(`${copy}\n`);
    await rig.pool.zfs('destroy', copy);
  });
});
