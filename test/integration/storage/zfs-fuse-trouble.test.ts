import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand, type RunCommand } from '../../../src/process/command.ts';
import { openZfs } from '../../../src/storage/zfs/driver.ts';
import { destroyUnused } from '../../rig/destroy-unused.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';
import { makeZfsRig, type ZfsRig } from '../../rig/zfs-clones.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';

let rig: ZfsRig;
beforeAll(async () => {
  rig = await makeZfsRig();
});
afterAll(() => rig.end());

/** A process `sleep` with a mount namespace of its own. */
async function startHolder(directory: string): Promise<ChildProcess> {
  const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep 60'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  await expect.poll(() => readFile(`/proc/${child.pid}/comm`, 'utf8')).toBe('sleep\n');
  return child;
}

async function endProcess(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

test('distinguishes a template without a snapshot from a missing one', async () => {
  await rig.pool.zfs('create', `${rig.pool.name}/empty`);
  const empty = await rig.open(`${rig.pool.name}/empty`);
  const none = await rig.open(`${rig.pool.name}/none`);
  const elsewhere = await rig.open('nopool/none');
  await expect(empty.newestSource()).rejects.toMatchObject({
    code: 'template-without-snapshot',
    message: `Dataset ${rig.pool.name}/empty has no snapshot to clone.`,
  });
  await expect(none.newestSource()).rejects.toMatchObject({
    code: 'template-missing',
    message: `There is no dataset ${rig.pool.name}/none.`,
  });
  await expect(none.probe()).rejects.toMatchObject({ code: 'template-missing' });
  await expect(elsewhere.probe()).rejects.toMatchObject({ code: 'template-missing' });
});

test('tells that there is no zfs command', async () => {
  const opened = openZfs(`${rig.pool.name}/t`, { tools: { zfs: null, zpool: null }, run: runCommand, canIdmap: () => false });
  await expect(opened).rejects.toMatchObject({
    code: 'missing-tool',
    message: `There is no zfs command on this host, so ${rig.pool.name}/t cannot be used.`,
  });
});

test('destroys a clone together with snapshots of its own, but not one with a dataset below it', async () => {
  const driver = await rig.makeTemplate('parts');
  const made = await rig.makeClone(driver);
  const dataset = `${driver.template}_${made.id}`;
  await rig.pool.zfs('snapshot', `${dataset}@auto`);
  await rig.pool.zfs('create', `${dataset}/child`);
  expect(await driver.destroy([made.clone])).toMatchObject([
    {
      outcome: 'refused',
      error: { code: 'dataset-not-ours', message: `Clone ${dataset} contains ${dataset}/child, which isolate did not make.` },
    },
  ]);
  await rig.pool.zfs('unmount', `${dataset}/child`);
  await expect
    .poll(() =>
      rig.pool.zfs('destroy', `${dataset}/child`).then(
        () => 'gone',
        () => 'busy',
      ),
    )
    .toBe('gone');
  expect(await destroyUnused(driver, [made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('destroys neither a kept clone nor one that is not ours', async () => {
  const driver = await rig.makeTemplate('keep');
  const { id, clone } = await rig.makeClone(driver);
  await rig.pool.zfs('set', 'isolate:keep=on', `${driver.template}_${id}`);
  expect(await driver.destroy([clone])).toMatchObject([
    { outcome: 'refused', error: { message: `Clone ${driver.template}_${id} is kept by its user.` } },
  ]);
  await rig.pool.zfs('create', `${driver.template}_7`);
  const guid = (await rig.pool.zfs('get', '-H', '-p', '-o', 'value', 'guid', `${driver.template}_7`)).trim();
  expect(await driver.destroy([{ id: '7', guid }])).toMatchObject([{ outcome: 'refused', error: { code: 'dataset-not-ours' } }]);
  await rig.pool.zfs('list', `${driver.template}_7`);
});

test('lists and destroys what a crash between making and marking left', async () => {
  const driver = await rig.makeTemplate('crash');
  await rig.pool.zfs('clone', `${driver.template}@1`, `${driver.template}_17953122441234567890`);
  const [clone] = await driver.list();
  expect(clone).toMatchObject({ id: '17953122441234567890', marked: false });
  if (clone !== undefined) expect(await destroyUnused(driver, [clone])).toEqual([{ id: clone.id, outcome: 'gone' }]);
});

test('names who holds a clone in another mount namespace, and destroys it when they are gone', async () => {
  const driver = await rig.makeTemplate('held');
  const { clone, id } = await rig.makeClone(driver);
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

/** Ways to be in a clone: each prints a line when it is there, and stays. */
const stays = [
  ['its working directory', 'cd "$1"; echo ready; exec sleep 60', 'sleep'],
  ['its root directory', 'exec chroot "$1" /busybox sh -c "echo ready; exec /busybox sleep 60"', 'busybox'],
  ['an open file', 'exec 9< "$1/hello"; echo ready; exec sleep 60', 'sleep'],
  ['its program', 'echo ready; exec "$1/busybox" sleep 60', 'busybox'],
] as const;

test.each(stays)('answers busy for a clone in which a process of this namespace has %s, and names it', async (way, script, command) => {
  const driver = await rig.makeTemplate(`in${way.replaceAll(' ', '')}`);
  const made = await rig.makeClone(driver);
  await copyFile(await busybox(), join(placeOf(made.rootfs), 'busybox'));
  const child = spawn('sh', ['-c', script, 'sh', placeOf(made.rootfs)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await expect.poll(() => readFile(`/proc/${child.pid}/comm`, 'utf8')).toBe(`${command}\n`);
  try {
    expect(await driver.holders(made.clone)).toEqual([{ pid: child.pid, command }]);
    expect(await driver.destroy([made.clone])).toMatchObject([{ id: made.id, outcome: 'busy' }]);
    expect(await readdir(placeOf(made.rootfs))).toEqual(['busybox', 'hello']);
    expect(await driver.holders(made.clone)).toEqual([{ pid: child.pid, command }]);
  } finally {
    await endProcess(child);
  }
  await expect.poll(() => driver.destroy([made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
});

test('clones that stay busy are tried together a few times, and do not delay others', async () => {
  const destroys: string[] = [];
  const counting: RunCommand = async (command) => {
    if (command.args[0] === 'destroy') destroys.push(command.args.at(-1) ?? '');
    return await runCommand(command);
  };
  const { template } = await rig.makeTemplate('together');
  const driver = await openZfs(template, { tools: rig.pool.tools, run: counting, canIdmap: () => false });
  const made = [await rig.makeClone(driver), await rig.makeClone(driver)];
  const held = made.map(({ clone }) => clone);
  // Never mounted, so that no unmount of zfs-fuse has to end in time.
  const third = rig.takeId();
  await rig.pool.zfs('clone', '-o', 'canmount=off', '-o', `isolate:template=${template}`, `${template}@1`, `${template}_${third}`);
  const free = (await driver.list()).filter(({ id }) => id === third);
  const children = await Promise.all(made.map(({ rootfs }) => startSleep(placeOf(rootfs))));
  try {
    const results = await driver.destroy([...held, ...free]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['busy', 'busy', 'gone']);
    // Each as often, in turns.
    const [one, two] = made.map(({ id }) => destroys.filter((dataset) => dataset.endsWith(id)).length);
    expect({ one, two }).toEqual({ one: 4, two: 4 });
  } finally {
    for (const child of children) await endProcess(child);
  }
  await expect.poll(async () => (await driver.destroy(held)).map(({ outcome }) => outcome)).toEqual(['gone', 'gone']);
});

async function startSleep(cwd: string): Promise<ChildProcess> {
  const child = spawn('sleep', ['60'], { cwd, stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  return child;
}

/** A program that needs nothing beside it. */
async function busybox(): Promise<string> {
  return join(await busyboxRootfs(), 'bin/busybox');
}

test('lists clones of a daemon that was restarted as not mounted, and destroys them with the dead mounts', async () => {
  const driver = await rig.makeTemplate('restart');
  const [one, two] = [await rig.makeClone(driver), await rig.makeClone(driver)];
  await rig.pool.stop();
  await rig.pool.start();
  expect((await driver.list()).map(({ id, mountpoint }) => ({ id, mountpoint }))).toEqual([
    { id: one.id, mountpoint: null },
    { id: two.id, mountpoint: null },
  ]);
  expect(await driver.destroy([one.clone, two.clone])).toEqual([
    { id: one.id, outcome: 'gone' },
    { id: two.id, outcome: 'gone' },
  ]);
  expect(await readdir(rig.mounts)).not.toContain(one.id);
});

test('tells that the daemon does not run', async () => {
  const driver = await rig.makeTemplate('daemon');
  await rig.pool.stop();
  try {
    await expect(driver.list()).rejects.toMatchObject({
      code: 'missing-tool',
      message: `The zfs-fuse daemon is not running, so ${driver.template} cannot be reached.`,
    });
    await expect(driver.probe()).rejects.toMatchObject({ code: 'missing-tool' });
  } finally {
    await rig.pool.start();
  }
  await expect(rig.open(driver.template)).resolves.toMatchObject({ template: driver.template });
});

test('answers a full pool per clone, and can still destroy', async () => {
  const driver = await rig.makeTemplate('full');
  const made = await rig.makeClone(driver);
  const source = await driver.newestSource();
  await rig.pool.zfs('create', `${rig.pool.name}/hog`);
  const available = (await rig.pool.zfs('get', '-H', '-p', '-o', 'value', 'available', rig.pool.name)).trim();
  await rig.pool.zfs('set', `reservation=${available}`, `${rig.pool.name}/hog`);
  const [result] = await driver.create(source, [rig.takeId()], { owners: null, mountDirectory: rig.mounts });
  expect(result).toMatchObject({ ok: false, error: { code: 'pool-full' } });
  expect((await driver.probe()).freeFraction).toBeLessThan(0.1);
  expect(await destroyUnused(driver, [made.clone])).toEqual([{ id: made.id, outcome: 'gone' }]);
  await rig.pool.zfs('set', 'reservation=none', `${rig.pool.name}/hog`);
});

test('refuses users other than root in one sentence', async () => {
  const opened = openZfs(`${rig.pool.name}/shift`, {
    tools: rig.pool.tools,
    run: (command) =>
      runCommand({ ...command, file: '/usr/bin/setpriv', args: ['--reuid=65534', '--clear-groups', command.file, ...command.args] }),
    canIdmap: () => false,
  });
  await expect(opened).rejects.toMatchObject({
    code: 'not-permitted',
    message: `ZFS does not let this user use ${rig.pool.name}/shift.`,
  });
});
