import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { IsolateError } from '../../../../src/error.ts';
import type { Command, CommandResult, RunCommand } from '../../../../src/process/command.ts';
import type { Source } from '../../../../src/storage/driver.ts';
import { openZfs } from '../../../../src/storage/zfs/driver.ts';

const source: Source = { template: 'tank/r/t', name: 'tank/r/t@s', guid: '1' };
const create = { owners: null, mountDirectory: '/nonexistent/mnt' };
const ok: CommandResult = { stdout: '', stderr: '', exitCode: 0 };
const failed: CommandResult = { ...ok, exitCode: 123 };

/** A host that answers by the verb of the command, and what it was asked. No kernel module: this checks the order of commands only. */
function host(version: string, answers: Record<string, CommandResult> = {}): { run: RunCommand; asked: string[]; inputs: string[] } {
  const asked: string[] = [];
  const inputs: string[] = [];
  const run = async ({ args, input }: Command): Promise<CommandResult> => {
    const verb = args[0] ?? '';
    asked.push(args.filter((arg) => !arg.includes(',')).join(' '));
    if (input !== undefined) inputs.push(input);
    if (verb === 'version') return { ...ok, stdout: `zfs-${version}\nzfs-kmod-${version}\n` };
    return answers[verb] ?? ok;
  };
  return { run, asked, inputs };
}

const open = (run: RunCommand): ReturnType<typeof openZfs> =>
  openZfs('tank/r/t', { tools: { zfs: '/sbin/zfs', zpool: '/sbin/zpool' }, run, canIdmap: () => true });

test('OpenZFS 2.3 clones and then mounts each, and reads the batch once', async () => {
  const { run, asked } = host('2.3.9-1');
  const driver = await open(run);
  await driver.create(source, ['1'], create);
  expect(asked).toEqual([
    'version',
    'clone -o isolate:template=tank/r/t -o com.sun:auto-snapshot=false -o org.openzfs.systemd:ignore=on -o canmount=noauto -o mountpoint=/nonexistent/mnt/1 -o readonly=off -o exec=on -o setuid=on -o sharenfs=off -o sharesmb=off tank/r/t@s tank/r/t_1',
    'mount tank/r/t_1',
    'get -H -p -o tank/r/t_1',
  ]);
  expect(driver.capabilities).toEqual({
    batchDestroy: false,
    parallelCreates: 4,
    busyDetection: true,
    idmappedMounts: true,
    pooled: true,
  });
});

test('OpenZFS 2.1 has no idmapped mounts', async () => {
  expect((await open(host('2.1.11-1+deb12u1').run)).capabilities.idmappedMounts).toBe(false);
});

test('OpenZFS 2.4 makes and marks a batch by one channel program, then places and mounts each that was made', async () => {
  const { run, asked, inputs } = host('2.4.4-1', { program: { ...ok, stdout: '{"return":{"2":17,"3":28,"1":0}}' }, '-0': failed });
  const driver = await open(run);
  const results = await driver.create(source, ['1', '2', '3'], create);
  expect(results[2]).toMatchObject({
    id: '3',
    ok: false,
    error: { code: 'pool-full', message: 'The pool tank has no space left for tank/r/t_3.' },
  });
  expect(asked.toSorted()).toEqual([
    '-0 -n 2 -P 8 /sbin/zfs',
    '-0 -n 9 -P 8 /sbin/zfs',
    'get -H -p -o tank/r',
    'get -H -p -o tank/r/t_1 tank/r/t_2 tank/r/t_3',
    'mount tank/r/t_1',
    'mount tank/r/t_2',
    'program -j tank - tank/r/t@s tank/r/t 1 2 3',
    'set canmount=noauto mountpoint=/nonexistent/mnt/1 readonly=off exec=on setuid=on sharenfs=off sharesmb=off tank/r/t_1',
    'set canmount=noauto mountpoint=/nonexistent/mnt/2 readonly=off exec=on setuid=on sharenfs=off sharesmb=off tank/r/t_2',
    'version',
  ]);
  expect(inputs).toEqual([
    expect.stringContaining('zfs.sync.clone'),
    'set\0canmount=noauto\0mountpoint=/nonexistent/mnt/1\0readonly=off\0exec=on\0setuid=on\0sharenfs=off\0sharesmb=off\0tank/r/t_1\0set\0canmount=noauto\0mountpoint=/nonexistent/mnt/2\0readonly=off\0exec=on\0setuid=on\0sharenfs=off\0sharesmb=off\0tank/r/t_2\0',
    'mount\0tank/r/t_1\0mount\0tank/r/t_2\0',
  ]);
});

test('OpenZFS mounts a batch by one mount(8), with the options that follow from what they inherit and what a root needs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-mount-'));
  const values = { atime: 'off', relatime: 'on', devices: 'off' };
  const stdout = Object.entries(values)
    .map(([name, value]) => `tank/r\t${name}\t${value}\tdefault\n`)
    .join('');
  let table = '';
  const { run, asked } = host('2.3.9-1', { get: { ...ok, stdout } });
  const driver = await open(async (command) => {
    if (command.args[0] === '--internal-only') table = readFileSync(command.args.at(-1) ?? '', 'utf8');
    return await run(command);
  });
  try {
    await driver.create(source, ['1', '2'], { owners: null, mountDirectory: join(directory, String.raw`k\x2d 1`) });
    expect(asked.filter((command) => command.startsWith('mount'))).toEqual([]);
    expect(table).toBe(
      ['1', '2']
        .map((id) => `tank/r/t_${id} ${directory}/k\\134x2d\\0401/${id} zfs zfsutil,noatime,relatime,nodev,exec,rw,suid 0 0\n`)
        .join(''),
    );
    expect(readdirSync(directory)).toEqual([String.raw`k\x2d 1`]);
    expect(readdirSync(join(directory, String.raw`k\x2d 1`))).toEqual(['1', '2']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('clones are destroyed together if each clearly matches its reference, the others one by one', async () => {
  const lines = (id: string, guid: string, keep = '-'): string =>
    [
      ['type', 'filesystem'],
      ['guid', guid],
      ['origin', 'tank/r/t@s'],
      ['creation', '1'],
      ['mounted', 'yes'],
      ['mountpoint', `/nonexistent/${id}`],
      ['isolate:template', 'tank/r/t'],
      ['isolate:keep', keep],
      ['isolate:session', '-'],
    ]
      .map(([name, value]) => `tank/r/t_${id}\t${name}\t${value}\tlocal\n`)
      .join('');
  const snapshot = lines('4', '14').replaceAll('tank/r/t_4', 'tank/r/t_4@own');
  const stdout = lines('1', '11') + lines('2', '0') + lines('3', '13', 'on') + lines('4', '14') + snapshot + lines('5', '15');
  const stderr = "cannot open 'tank/r/t_6': dataset does not exist\n";
  const { run, inputs, asked } = host('2.3.9-1', { get: { stdout, stderr, exitCode: 1 } });
  const refs = ['1', '2', '3', '4', '5', '6'].map((id) => ({ id, guid: `1${id}` }));
  const results = await (await open(run)).destroy(refs);
  expect(inputs).toEqual(['destroy\0tank/r/t_1\0destroy\0tank/r/t_5\0']);
  expect(asked).toEqual([
    'version',
    'get -H -p -r -d 1 -o tank/r/t_1 tank/r/t_2 tank/r/t_3 tank/r/t_4 tank/r/t_5 tank/r/t_6',
    '-0 -n 2 -P 8 /sbin/zfs',
    // What a command failed at is for the reports of the three that are left.
    ...['2', '3', '4'].map((id) => `get -H -p -r -d 1 -o tank/r/t_${id}`),
  ]);
  expect(results.filter(({ id }) => ['1', '5', '6'].includes(id))).toEqual(['1', '5', '6'].map((id) => ({ id, outcome: 'gone' })));
});

test('probe and newestSource at the same time read the template once', async () => {
  const { run, asked } = host('2.3.9-1', { list: { ...ok, stdout: 'ONLINE\n' } });
  const driver = await open(run);
  await Promise.allSettled([driver.probe(), driver.newestSource()]);
  expect(asked.filter((command) => command === 'get -H -p -r -d 1 -o tank/r/t')).toHaveLength(1);
});

test('an answer of a channel program that cannot be read is an error, not a success', async () => {
  const { run } = host('2.4.4-1', { program: { ...ok, stdout: 'Channel program fully executed.\n' } });
  await expect((await open(run)).create(source, ['1'], create)).rejects.toMatchObject({ code: 'storage-failed' });
});

test('a clone that is missing after all commands is an error of that clone', async () => {
  const { run } = host('2.3.9-1', { clone: { stdout: '', stderr: "cannot create 'tank/r/t_1': out of space\n", exitCode: 1 } });
  expect(await (await open(run)).create(source, ['1'], create)).toMatchObject([{ id: '1', ok: false, error: { code: 'pool-full' } }]);
});

test('a pool whose commands do not end is suspended, and no further command is started', async () => {
  let started = 0;
  const driver = await open(async ({ args, file }) => {
    if (args[0] === 'version') return { ...ok, stdout: 'zfs-2.3.9-1\nzfs-kmod-2.3.9-1\n' };
    started += 1;
    throw new IsolateError('tool-timeout', `${file} ${args[0] ?? ''} did not end within 30 s.`);
  });
  await expect(driver.list()).rejects.toMatchObject({
    code: 'pool-suspended',
    message: 'ZFS does not answer for tank/r/t: its pool may be suspended.',
  });
  await expect(driver.list()).rejects.toMatchObject({ code: 'pool-suspended' });
  expect(started).toBe(1);
});

test('a stuck pool is tried with one command at a time, at growing intervals, and used again once it answers', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const going: PromiseWithResolvers<CommandResult>[] = [];
  const gone = Promise.withResolvers<void>();
  const driver = await open(({ args, onGivenUp }) => {
    if (args[0] === 'version') return Promise.resolve({ ...ok, stdout: 'zfs-2.3.9-1\nzfs-kmod-2.3.9-1\n' });
    if (going.length === 0) onGivenUp?.(gone.promise);
    const command = Promise.withResolvers<CommandResult>();
    going.push(command);
    return command.promise;
  });
  const late = new IsolateError('tool-timeout', 'It did not end.');
  const suspended = { code: 'pool-suspended' };
  const first = driver.list();
  going[0]?.reject(late);
  await expect(first).rejects.toMatchObject(suspended);
  vi.advanceTimersByTime(500);
  // Its process is still in the kernel.
  await expect(driver.list()).rejects.toMatchObject(suspended);
  gone.resolve();
  await gone.promise;
  await new Promise(setImmediate);
  const second = driver.list();
  await expect(driver.list()).rejects.toMatchObject(suspended);
  going[1]?.reject(late);
  await expect(second).rejects.toMatchObject(suspended);
  vi.advanceTimersByTime(999);
  await expect(driver.list()).rejects.toMatchObject(suspended);
  vi.advanceTimersByTime(1);
  const third = driver.list();
  going[2]?.resolve(ok);
  expect(await third).toEqual([]);
  const both = [driver.list(), driver.list()];
  expect(going).toHaveLength(5);
  for (const command of going.slice(3)) command.resolve(ok);
  expect(await Promise.all(both)).toEqual([[], []]);
});

test.each([
  ['SUSPENDED', 'pool-suspended', 'The pool tank is suspended, so tank/r/t cannot be cloned.'],
  ['FAULTED', 'pool-suspended', 'The pool tank is faulted, so tank/r/t cannot be cloned.'],
])('tells a pool that is %s', async (health, code, message) => {
  const { run } = host('2.3.9-1', {
    list: { ...ok, stdout: `${health}\n` },
    get: {
      ...ok,
      stdout:
        'tank/r/t\ttype\tfilesystem\t-\ntank/r/t\tguid\t1\t-\ntank/r/t\tcreatetxg\t1\t-\ntank/r/t\tdefer_destroy\t-\t-\ntank/r/t\tkeystatus\t-\t-\n',
    },
  });
  await expect((await open(run)).probe()).rejects.toMatchObject({ code, message });
});

test.each([
  ['a volume', 'volume', '-', 'template-not-filesystem', 'Dataset tank/r/t is a volume, not a file system.'],
  ['an encrypted one without its key', 'filesystem', 'unavailable', 'key-not-loaded', 'The encryption key of tank/r/t is not loaded.'],
])('tells a template that is %s', async (_name, type, keystatus, code, message) => {
  const { run } = host('2.3.9-1', {
    get: {
      ...ok,
      stdout: `tank/r/t\ttype\t${type}\t-\ntank/r/t\tguid\t1\t-\ntank/r/t\tcreatetxg\t1\t-\ntank/r/t\tdefer_destroy\t-\t-\ntank/r/t\tkeystatus\t${keystatus}\t-\n`,
    },
  });
  await expect((await open(run)).newestSource()).rejects.toMatchObject({ code, message });
});

test('a slow answer is reported once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const told: string[] = [];
  const going: PromiseWithResolvers<CommandResult>[] = [];
  const driver = await openZfs('tank/r/t', {
    tools: { zfs: '/sbin/zfs', zpool: '/sbin/zpool' },
    canIdmap: () => true,
    onWaiting: (message) => told.push(message),
    run: ({ args }) => {
      if (args[0] === 'version') return Promise.resolve({ ...ok, stdout: 'zfs-2.3.9-1\nzfs-kmod-2.3.9-1\n' });
      const command = Promise.withResolvers<CommandResult>();
      going.push(command);
      return command.promise;
    },
  });
  const lists = [driver.list(), driver.list()];
  await vi.advanceTimersByTimeAsync(2999);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['waiting for zfs get of tank/r/t, for at most 30 s']);
  for (const command of going) command.resolve(ok);
  expect(await Promise.all(lists)).toEqual([[], []]);
});
