import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, link, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../../src/process/command.ts';
import type { CreateOptions, CreateResult, StorageDriver } from '../../../src/storage/driver.ts';
import { openZfs } from '../../../src/storage/zfs/driver.ts';
import { makePool, type TestPool } from '../../rig/zpool.ts';

let pool: TestPool;
let mounts: string;
let nextId = 1_795_312_244_000_000_000n;

beforeAll(async () => {
  pool = await makePool(256 * 1024 * 1024);
  mounts = await mkdtemp(join(tmpdir(), 'isolate-mounts-'));
});
afterAll(async () => {
  await pool.end();
  await rm(mounts, { recursive: true });
});

const open = (template: string): Promise<StorageDriver> => openZfs(template, { tools: pool.tools, run: runCommand, canIdmap: () => false });

/** A dataset with one snapshot and its driver. */
async function makeTemplate(name: string, ...options: string[]): Promise<StorageDriver> {
  const template = `${pool.name}/${name}`;
  await pool.zfs('create', template);
  await writeFile(join(pool.directory, 'pool', name, 'hello'), 'hello');
  await pool.zfs('snapshot', `${template}@1`);
  for (const option of options) await pool.zfs('set', option, template);
  return open(template);
}

async function makeClone(driver: StorageDriver, shift: CreateOptions['shift'] = null): Promise<CreateResult & { ok: true }> {
  const id = String((nextId += 1n));
  const [result] = await driver.create(await driver.newestSource(), [id], { shift, mountDirectory: mounts });
  if (result === undefined) throw new Error('no answer');
  if (!result.ok) throw result.error;
  return result;
}

/** A process with a mount namespace of its own, ready when it has printed a line. */
async function startHolder(directory: string): Promise<ChildProcess> {
  const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep 60'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

async function endProcess(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

test.each([
  ['mountpoint=none', ['mountpoint=none']],
  ['mountpoint=legacy', ['mountpoint=legacy']],
  ['canmount=off', ['canmount=off']],
])('clones a template with %s: the clone has a mountpoint of its own', async (_name, options) => {
  const driver = await makeTemplate(`t${options[0]?.replace(/\W/g, '')}`, ...options);
  const made = await makeClone(driver);
  expect(await readdir(made.rootfs.path)).toEqual(['hello']);
  expect(await driver.destroy([made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('clones a template that is not mounted', async () => {
  const driver = await makeTemplate('unmounted');
  await pool.zfs('unmount', driver.template);
  const made = await makeClone(driver);
  expect(await readdir(made.rootfs.path)).toEqual(['hello']);
  await driver.destroy([made.clone]);
});

test('mounts a clone below the directory it was given, readable there for root alone', async () => {
  const driver = await makeTemplate('place');
  const made = await makeClone(driver);
  expect(made.rootfs).toEqual({ path: join(mounts, made.id), ownership: { kind: 'natural' }, idmappable: false });
  expect((await lstat(mounts)).mode & 0o777).toBe(0o700);
  await driver.destroy([made.clone]);
});

test('marks a clone so that snapshot tools and the next import leave it alone', async () => {
  const driver = await makeTemplate('marks');
  const { id, clone } = await makeClone(driver);
  const text = await pool.zfs(
    'get',
    '-H',
    '-o',
    'property,value,source',
    'isolate:template,com.sun:auto-snapshot,canmount',
    `${driver.template}_${id}`,
  );
  expect(text).toBe(`isolate:template\t${driver.template}\tlocal\ncom.sun:auto-snapshot\tfalse\tlocal\ncanmount\tnoauto\tlocal\n`);
  await driver.destroy([clone]);
});

test('takes the newest snapshot by transaction, not one that is to go with its clones', async () => {
  const driver = await makeTemplate('newest');
  await pool.zfs('snapshot', `${driver.template}@0`);
  expect((await driver.newestSource()).name).toBe(`${driver.template}@0`);
  const made = await makeClone(driver);
  await pool.zfs('destroy', '-d', `${driver.template}@0`);
  expect((await driver.newestSource()).name).toBe(`${driver.template}@1`);
  await driver.destroy([made.clone]);
});

test('tells a template without a snapshot from one that is not there', async () => {
  await pool.zfs('create', `${pool.name}/empty`);
  const empty = await open(`${pool.name}/empty`);
  const none = await open(`${pool.name}/none`);
  const elsewhere = await open('nopool/none');
  await expect(empty.newestSource()).rejects.toMatchObject({
    code: 'template-without-snapshot',
    message: `Dataset ${pool.name}/empty has no snapshot to clone.`,
  });
  await expect(none.newestSource()).rejects.toMatchObject({ code: 'template-missing', message: `There is no dataset ${pool.name}/none.` });
  await expect(none.probe()).rejects.toMatchObject({ code: 'template-missing' });
  await expect(elsewhere.probe()).rejects.toMatchObject({ code: 'template-missing' });
});

test('tells that there is no zfs command', async () => {
  const opened = openZfs(`${pool.name}/t`, { tools: { zfs: null, zpool: null }, run: runCommand, canIdmap: () => false });
  await expect(opened).rejects.toMatchObject({
    code: 'missing-tool',
    message: `There is no zfs command on this host, so ${pool.name}/t cannot be used.`,
  });
});

test('shifts every owner once and keeps modes, links and what links point at', async () => {
  const driver = await makeTemplate('shift');
  const directory = join(pool.directory, 'pool/shift');
  await mkdir(join(directory, 'sub'));
  await writeFile(join(directory, 'sub/su'), 'su');
  await chmod(join(directory, 'sub/su'), 0o4755);
  await link(join(directory, 'sub/su'), join(directory, 'su2'));
  await symlink('/etc/passwd', join(directory, 'outside'));
  await pool.zfs('snapshot', `${driver.template}@2`);
  const host = await lstat('/etc/passwd');
  const made = await makeClone(driver, { kind: 'shifted', uidBase: 100_000, gidBase: 200_000 });
  const seen = await Promise.all(
    ['', 'hello', 'sub', 'sub/su', 'su2', 'outside'].map(async (name) => {
      const { uid, gid, mode } = await lstat(join(made.rootfs.path, name));
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
  expect(made.rootfs.ownership).toEqual({ kind: 'shifted', uidBase: 100_000, gidBase: 200_000 });
  expect((await lstat('/etc/passwd')).uid).toBe(host.uid);
  await driver.destroy([made.clone]);
});

test('destroys a clone together with snapshots of its own, but not one with a dataset below it', async () => {
  const driver = await makeTemplate('parts');
  const made = await makeClone(driver);
  const dataset = `${driver.template}_${made.id}`;
  await pool.zfs('snapshot', `${dataset}@auto`);
  await pool.zfs('create', `${dataset}/child`);
  expect(await driver.destroy([made.clone])).toMatchObject([
    {
      outcome: 'refused',
      error: { code: 'dataset-not-ours', message: `Clone ${dataset} has ${dataset}/child below it, which isolate did not make.` },
    },
  ]);
  await pool.zfs('unmount', `${dataset}/child`);
  await expect
    .poll(() =>
      pool.zfs('destroy', `${dataset}/child`).then(
        () => 'gone',
        () => 'busy',
      ),
    )
    .toBe('gone');
  expect(await driver.destroy([made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('neither destroys a clone that its user keeps nor one that is not ours', async () => {
  const driver = await makeTemplate('keep');
  const { id, clone } = await makeClone(driver);
  await pool.zfs('set', 'isolate:keep=on', `${driver.template}_${id}`);
  expect(await driver.destroy([clone])).toMatchObject([
    { outcome: 'refused', error: { message: `Clone ${driver.template}_${id} is kept by its user.` } },
  ]);
  await pool.zfs('create', `${driver.template}_7`);
  const guid = (await pool.zfs('get', '-H', '-p', '-o', 'value', 'guid', `${driver.template}_7`)).trim();
  expect(await driver.destroy([{ id: '7', guid }])).toMatchObject([{ outcome: 'refused', error: { code: 'dataset-not-ours' } }]);
  await pool.zfs('list', `${driver.template}_7`);
});

test('lists and destroys what a crash between making and marking left', async () => {
  const driver = await makeTemplate('crash');
  await pool.zfs('clone', `${driver.template}@1`, `${driver.template}_1795312244123456789`);
  const [clone] = await driver.list();
  expect(clone).toMatchObject({ id: '1795312244123456789', marked: false });
  if (clone !== undefined) expect(await driver.destroy([clone])).toEqual([{ id: clone.id, outcome: 'gone' }]);
});

test('names who holds a clone in another mount namespace, and destroys it when they are gone', async () => {
  const driver = await makeTemplate('held');
  const { clone, id } = await makeClone(driver);
  const holder = await startHolder('/');
  try {
    expect(await driver.holders(clone)).toEqual([{ pid: holder.pid, command: 'sleep' }]);
    expect(await driver.destroy([clone])).toMatchObject([{ id, outcome: 'busy', error: { code: 'dataset-busy' } }]);
    expect(await driver.list()).toMatchObject([{ id, mountpoint: null }]);
  } finally {
    await endProcess(holder);
  }
  await expect.poll(() => driver.destroy([clone])).toEqual([{ id, outcome: 'gone' }]);
});

test("answers busy for a clone that is somebody's working directory", async () => {
  const driver = await makeTemplate('cwd');
  const made = await makeClone(driver);
  const child = spawn('sleep', ['60'], { cwd: made.rootfs.path, stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  expect(await driver.destroy([made.clone])).toMatchObject([{ outcome: 'busy' }]);
  expect(await readdir(made.rootfs.path)).toEqual(['hello']);
  await endProcess(child);
  await expect.poll(() => driver.destroy([made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('lists clones of a daemon that was restarted as not mounted, and destroys them with the dead mounts', async () => {
  const driver = await makeTemplate('restart');
  const [one, two] = [await makeClone(driver), await makeClone(driver)];
  await pool.stop();
  await pool.start();
  expect((await driver.list()).map(({ id, mountpoint }) => ({ id, mountpoint }))).toEqual([
    { id: one.id, mountpoint: null },
    { id: two.id, mountpoint: null },
  ]);
  expect(await driver.destroy([one.clone, two.clone])).toEqual([
    { id: one.id, outcome: 'gone' },
    { id: two.id, outcome: 'gone' },
  ]);
  expect(await readdir(mounts)).not.toContain(one.id);
});

test('tells that the daemon does not run', async () => {
  const driver = await makeTemplate('daemon');
  await pool.stop();
  try {
    await expect(driver.list()).rejects.toMatchObject({
      code: 'missing-tool',
      message: `The zfs-fuse daemon is not running, so ${driver.template} cannot be reached.`,
    });
    await expect(driver.probe()).rejects.toMatchObject({ code: 'missing-tool' });
  } finally {
    await pool.start();
  }
  await expect(open(driver.template)).resolves.toMatchObject({ template: driver.template });
});

test('answers a full pool per clone, and can still destroy', async () => {
  const driver = await makeTemplate('full');
  const made = await makeClone(driver);
  const source = await driver.newestSource();
  await pool.zfs('create', `${pool.name}/hog`);
  const available = (await pool.zfs('get', '-H', '-p', '-o', 'value', 'available', pool.name)).trim();
  await pool.zfs('set', `reservation=${available}`, `${pool.name}/hog`);
  const [result] = await driver.create(source, [String((nextId += 1n))], { shift: null, mountDirectory: mounts });
  expect(result).toMatchObject({ ok: false, error: { code: 'pool-full' } });
  expect((await driver.probe()).freeFraction).toBeLessThan(0.1);
  expect(await driver.destroy([made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
  await pool.zfs('set', 'reservation=none', `${pool.name}/hog`);
});

test('refuses users other than root in one sentence', async () => {
  const opened = openZfs(`${pool.name}/shift`, {
    tools: pool.tools,
    run: (command) =>
      runCommand({ ...command, file: '/usr/bin/setpriv', args: ['--reuid=65534', '--clear-groups', command.file, ...command.args] }),
    canIdmap: () => false,
  });
  await expect(opened).rejects.toMatchObject({ code: 'not-permitted', message: `ZFS does not let this user work on ${pool.name}/shift.` });
});
