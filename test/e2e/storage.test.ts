import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { mountScratch, tool } from '../rig/disk.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { useOwnState } from '../rig/own-store.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

/** Disks with a template of each user: a subvolume or a directory of btrfs, directories of xfs and ext4. */
const scratch = mkdtempSync(join(tmpdir(), 'isolate-storage-'));
const templates = ['btrfs/subvolume', 'btrfs/directory', 'xfs/directory', 'ext4/directory'] as const;
const users: Record<'root' | 'user', Member> = {
  root: { uid: 0, name: 'root', home: join(scratch, 'home'), groups: [] },
  user: { uid: 54_431, name: '', home: '', groups: [] },
};
useOwnState();

let daemon: Daemon;

beforeAll(async () => {
  await chmod(scratch, 0o755);
  await mkdir(users.root.home);
  users.user = await addMember(users.user.uid);
  await addMemberGroup();
  const source = await busyboxRootfs();
  for (const type of ['btrfs', 'xfs', 'ext4'] as const) {
    const disk = join(scratch, type);
    await mkdir(disk);
    await mountScratch(type, join(scratch, `${type}.img`), disk);
    for (const { uid } of Object.values(users)) {
      const own = join(disk, `of-${uid}`);
      await mkdir(own);
      for (const template of templates.filter((name) => name.startsWith(type)).map((name) => join(own, name.slice(type.length + 1)))) {
        await (template.endsWith('subvolume') ? tool('/bin/btrfs', 'subvolume', 'create', template) : mkdir(template));
        await tool('/bin/cp', '-aT', source, template);
        await writeFile(join(template, 'file'), 'of the template\n');
      }
      await tool('/bin/chown', '-hR', `${uid}:${uid}`, own);
      await chmod(own, 0o755);
    }
  }
  daemon = await startDaemon('');
}, 300_000);
afterAll(async () => {
  await daemon.end();
  for (const type of ['btrfs', 'xfs', 'ext4']) await tool('/bin/umount', join(scratch, type));
  rmSync(scratch, { recursive: true });
});

function placeOf({ uid }: Member, template: string): string {
  return join(scratch, template.replace('/', `/of-${uid}/`));
}

const change = 'cat /file; echo more >>/file; mkdir -p /srv/new; touch /srv/new/file; chown -R 12:34 /srv/new; rm -r /opt; cat /file';

describe.each(['root', 'user'] as const)('clones of %s', (who) => {
  const chosen = [
    ['btrfs/subvolume', undefined, 'btrfs'],
    ['btrfs/subvolume', 'overlay', 'overlay'],
    ['btrfs/subvolume', 'dir', 'dir'],
    ['btrfs/directory', undefined, 'overlay'],
    ['btrfs/directory', 'dir', 'dir'],
    ['xfs/directory', 'auto', 'overlay'],
    ['xfs/directory', 'dir', 'dir'],
    ['ext4/directory', undefined, 'overlay'],
  ] as const;

  test.each(chosen)('of %s with --storage %s are made by %s, and are gone after the run', async (template, wanted, storage) => {
    const place = placeOf(users[who], template);
    const before = await listTree(place);
    const words = ['-x', '-t', place, '--ephemeral', ...(wanted === undefined ? [] : ['--storage', wanted]), 'sh', '-c', change];
    for (const program of ['isolate', 'isolate-node'] as const) {
      const { status, stdout, stderr } = await runAs(users[who], words, program);
      const [, said] = /^\+ storage: (.*)$/m.exec(stderr) ?? [];
      expect({ status, stdout, said, stderr: '' }).toEqual({
        status: 0,
        stdout: 'of the template\nof the template\nmore\n',
        said: storage,
        stderr: '',
      });
    }
    expect(await listTree(place)).toEqual(before);
    expect(await clonesBeside(place)).toEqual([]);
  });

  test('plans layers in the daemon only where nothing else may be better', async () => {
    const ways: Record<string, string | undefined> = {};
    for (const template of templates) {
      const { stderr } = await runAs(users[who], ['-x', '-t', placeOf(users[who], template), '--ephemeral', 'true']);
      ways[template] = /^\+ way: (.*)$/m.exec(stderr)?.[1];
    }
    expect(ways).toEqual({ 'btrfs/subvolume': 'node', 'btrfs/directory': 'daemon', 'xfs/directory': 'daemon', 'ext4/directory': 'daemon' });
  });

  const refused = [
    ['xfs/directory', 'btrfs', /is on xfs, not a subvolume of btrfs, so it has no snapshots\./],
    ['btrfs/directory', 'btrfs', /is a directory of btrfs, not a subvolume, so it has no snapshots\./],
    ['ext4/directory', 'dir', /is on ext4, where files cannot share blocks with copies\./],
  ] as const;

  test.each(refused)('of %s with --storage %s are refused, and nothing is made', async (template, storage, reason) => {
    const place = placeOf(users[who], template);
    const before = await listBeside(place);
    const { status, stdout, stderr } = await runAs(users[who], ['-t', place, '--ephemeral', '--storage', storage, 'echo', 'started']);
    expect({ status, stdout, stderr }).toEqual({ status: 125, stdout: '', stderr: expect.stringMatching(reason) as string });
    expect(await listBeside(place)).toEqual(before);
  });

  test.each([
    ['btrfs/subvolume', 'btrfs'],
    ['btrfs/directory', 'dir'],
    ['xfs/directory', 'dir'],
  ] as const)('of %s by %s are kept as sessions, which go on, and show what was changed', async (template, storage) => {
    const user = users[who];
    const place = placeOf(user, template);
    const name = `${storage}-of-${template.replace('/', '-')}`;
    const kept = await runAs(user, ['-q', `--keep=${name}`, '-t', place, '--ephemeral', '--storage', storage, 'sh', '-c', change]);
    expect(kept).toMatchObject({ status: 0 });
    const entered = await runAs(user, ['enter', name, 'sh', '-c', 'tail -n 1 /file; ls -d /srv/new /opt; stat -c %u:%g /srv/new; exit 3']);
    expect(entered).toMatchObject({ status: 3, stdout: 'more\n/srv/new\n12:34\n' });
    const { stdout } = await runAs(user, ['diff', '--porcelain', name]);
    expect(stdout.split('\n').filter((line) => !line.endsWith(' etc/hosts'))).toEqual([
      '..c...... file',
      '.-....... opt',
      ...(await stat(join(place, 'srv')).then(
        () => [],
        () => ['+........ srv'],
      )),
      '+........ srv/new',
      '+........ srv/new/file',
      '',
    ]);
    expect(await clonesBeside(place)).toHaveLength(1);
    expect(await runAs(user, ['rm', name])).toMatchObject({ status: 0 });
    expect(await clonesBeside(place)).toEqual([]);
  });
});

test.each([
  ['root', 'btrfs', 'btrfs/subvolume'],
  ['user', 'btrfs', 'btrfs/subvolume'],
  ['root', 'dir', 'xfs/directory'],
  ['user', 'dir', 'xfs/directory'],
] as const)('what killed runs of %s leave by %s is removed by the next run', async (who, storage, template) => {
  const place = placeOf(users[who], template);
  const words = ['-q', '-t', place, '--ephemeral', '--storage', storage];
  const left = new Set<string>();
  // Before they make a clone, while they do, and after it.
  for (let delayMs = 40; left.size < 5; delayMs += 40) {
    const child = startAs(users[who], [...words, 'sleep', '600']);
    const closed = once(child, 'close');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    child.kill('SIGKILL');
    await closed;
    for (const name of await clonesBeside(place)) left.add(name);
  }
  // The mounts of the killed runs may outlive them for a moment.
  const runNext = async () => {
    const { status, stderr } = await runAs(users[who], [...words, 'true']);
    return { status, stderr, left: await clonesBeside(place) };
  };
  await expect.poll(runNext).toEqual({ status: 0, stderr: '', left: [] });
});

test("the doctor says what makes a directory's clones, and what else can", async () => {
  const facts: Record<string, string> = {};
  for (const template of templates) {
    const place = placeOf(users.user, template);
    const { stdout } = await runAs(users.user, ['doctor', '--json', '-t', place]);
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string; readonly fact: string }[] };
    facts[template] = checks.find(({ id }) => id === 'storage')?.fact.replace(place, 'DIR') ?? '';
  }
  expect(facts).toEqual({
    'btrfs/subvolume': 'throw-away clones of DIR are made by btrfs; --storage overlay and dir can be used too',
    'btrfs/directory': 'throw-away clones of DIR are made by overlay; --storage dir can be used too',
    'xfs/directory': 'throw-away clones of DIR are made by overlay; --storage dir can be used too',
    'ext4/directory': 'throw-away clones of DIR are made by overlay',
  });
});

test.each([
  ['root', 'btrfs'],
  ['user', 'btrfs'],
  ['root', 'dir'],
  ['user', 'dir'],
] as const)('subvolumes that a run of %s makes are removed with its clone by %s, whoever they belong to', async (who, storage) => {
  const place = placeOf(users[who], 'btrfs/subvolume');
  const binds = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-d', `${path}:${path}:ro`]);
  const btrfs = '/usr/bin/btrfs subvolume create -- ';
  const script = `${btrfs} /srv/a && ${btrfs} /srv/a/b && echo >/srv/a/b/c && chown -R 12:34 /srv/a && chmod 0 /srv/a/b /srv/a && ls /srv`;
  const { status, stdout, stderr } = await runAs(users[who], [
    '-t',
    place,
    '--ephemeral',
    '--storage',
    storage,
    ...binds,
    'sh',
    '-c',
    `mkdir -p /srv; ${script}`,
  ]);
  expect({ status, stdout: stdout.replaceAll(/^Create .*\n/gm, ''), stderr }).toEqual({ status: 0, stdout: 'a\n', stderr: '' });
  expect(await clonesBeside(place)).toEqual([]);
});

test.each(['root', 'user'] as const)(
  'a session of %s on btrfs outlives an unmount of its disk, after which its device has another number',
  async (who) => {
    const user = users[who];
    const disk = join(scratch, 'btrfs');
    const place = placeOf(user, 'btrfs/subvolume');
    expect(await runAs(user, ['-q', '--keep=outlives', '-t', place, '--ephemeral', 'sh', '-c', 'echo kept >/file'])).toMatchObject({
      status: 0,
    });
    const [id = ''] = await clonesBeside(place);
    const clone = join(place, `../.subvolume.clones${who === 'root' ? '' : `-${user.uid}`}/btrfs`, id, 'root');
    const before = (await stat(clone)).dev;
    await tool('/bin/umount', disk);
    // Without its file system it looks as if there were no clones.
    expect(await runAs(user, ['refresh', '--force', '--skip-create', '--all'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`The clones of ${place} are in ${join(clone, '../..')}, which is not there.`),
    });
    const others: string[] = [];
    try {
      // The kernel gives out the lowest number that is free, so they take this one too.
      do others.push(await mountOther(others.length));
      while ((await stat(others.at(-1) ?? '')).dev < before);
      const mountDisk = () => tool('/bin/mount', '-o', 'loop', join(scratch, 'btrfs.img'), disk);
      await mountDisk();
      // All mount namespaces take from the same numbers, so another one may have given up this one meanwhile.
      while ((await stat(clone)).dev === before) {
        await tool('/bin/umount', disk);
        others.push(await mountOther(others.length));
        await mountDisk();
      }
      expect((await stat(clone)).dev).not.toBe(before);
      expect(await runAs(user, ['enter', 'outlives', 'cat', '/file'])).toMatchObject({ status: 0, stdout: 'kept\n' });
      expect(await runAs(user, ['rm', 'outlives'])).toMatchObject({ status: 0 });
      expect(await clonesBeside(place)).toEqual([]);
    } finally {
      for (const other of others) await tool('/bin/umount', other);
    }
  },
);

async function mountOther(number: number): Promise<string> {
  const path = join(scratch, `other-${number}`);
  await mkdir(path, { recursive: true });
  await mountScratch('tmpfs', '', path);
  return path;
}

test("a copy has the owners of a user's subordinate ids, and what is mounted in the template is not in it", async () => {
  const { user } = users;
  const place = placeOf(user, 'xfs/directory');
  expect(await runAs(user, ['-q', '-t', place, 'sh', '-c', 'echo >/owned; chown 12:34 /owned; mkdir /mounted'])).toMatchObject({
    status: 0,
  });
  await mountScratch('tmpfs', '', join(place, 'mounted'));
  try {
    await writeFile(join(place, 'mounted/file'), '');
    const words = ['-t', place, '--ephemeral', 'sh', '-c', 'stat -c %u:%g /owned; test ! -e /mounted/file'];
    expect(await runAs(user, ['--storage', 'dir', ...words])).toEqual({
      status: 0,
      signal: null,
      stdout: '12:34\n',
      stderr: `isolate: The sandbox does not see what is mounted at ${join(place, 'mounted')}.\n`,
    });
    expect(await runAs(user, words)).toMatchObject({ status: 125, stderr: expect.stringContaining('throw-away overlay') as string });
  } finally {
    await tool('/bin/umount', join(place, 'mounted'));
    await tool('/bin/rm', '-r', join(place, 'mounted'), join(place, 'owned'));
  }
});

test('only the owner and root make snapshots of a subvolume, and other users get an overlay', async () => {
  const place = placeOf(users.root, 'btrfs/subvolume');
  const words = ['-x', '-t', place, '--ephemeral', 'cat', '/file'];
  const { status, stdout, stderr } = await runAs(users.user, words);
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: 'of the template\n',
    stderr: expect.stringContaining('+ storage: overlay\n') as string,
  });
  const refused = await runAs(users.user, ['-t', place, '--ephemeral', '--storage', 'btrfs', 'true']);
  expect(refused.stderr).toContain(`Only root and the owner of the subvolume ${place} may make snapshots of it.`);
  const copied = await runAs(users.user, ['-t', place, '--ephemeral', '--storage', 'dir', 'true']);
  expect(copied).toMatchObject({
    status: 125,
    stderr: expect.stringContaining(`${place} belongs to another user, whose files a copy of yours cannot have.`) as string,
  });
});

test('a copy of a user has all files of the template, or is not made', async () => {
  const place = placeOf(users.user, 'xfs/directory');
  await writeFile(join(place, 'secret'), '', { mode: 0o600 });
  try {
    expect(await runAs(users.user, ['-t', place, '--ephemeral', '--storage', 'dir', 'true'])).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/cannot be copied\.\nbecause: .*secret: .*\nhint: only root can copy files/) as string,
    });
    expect(await clonesBeside(place)).toEqual([]);
  } finally {
    await rm(join(place, 'secret'));
  }
});

test('a subvolume with another one in it is laid under an overlay, which has the files of both', async () => {
  const place = placeOf(users.root, 'btrfs/subvolume');
  const nested = join(place, 'home/nested');
  await tool('/bin/btrfs', 'subvolume', 'create', nested);
  await writeFile(join(nested, 'deep'), 'deep\n');
  try {
    const { stdout, stderr } = await runAs(users.root, ['-x', '-t', place, '--ephemeral', 'cat', '/home/nested/deep']);
    expect({ stdout, stderr }).toEqual({ stdout: 'deep\n', stderr: expect.stringContaining('+ storage: overlay\n') as string });
    const refused = await runAs(users.root, ['-t', place, '--ephemeral', '--storage', 'btrfs', 'true']);
    expect(refused).toMatchObject({
      status: 125,
      stderr: expect.stringContaining(`There is another subvolume in ${place}, "home/nested", which a snapshot would lack.`) as string,
    });
  } finally {
    await tool('/bin/btrfs', 'subvolume', 'delete', nested);
  }
});

test("root's clones are in no place that another user can change", async () => {
  const place = placeOf(users.user, 'btrfs/directory');
  const { status, stderr } = await runAs(users.root, ['-t', place, '--ephemeral', '--storage', 'dir', 'true']);
  expect({ status, stderr }).toEqual({
    status: 125,
    stderr: expect.stringContaining(`Clones cannot be kept in ${join(place, '../.directory.clones')}: plain54431 can write to`) as string,
  });
});

test('where layers cannot be kept, copies are made', async () => {
  const user = { ...users.user, environment: { HOME: join(scratch, 'home-of-user/merged') } };
  const layers = join(scratch, 'home-of-user');
  await mkdir(layers);
  await tool('/bin/mount', '-t', 'tmpfs', 'tmpfs', layers);
  try {
    for (const name of ['lower', 'upper', 'work', 'merged']) await mkdir(join(layers, name));
    const options = `lowerdir=${layers}/lower,upperdir=${layers}/upper,workdir=${layers}/work`;
    await tool('/bin/mount', '-t', 'overlay', '-o', options, 'overlay', join(layers, 'merged'));
    await chown(join(layers, 'merged'), user.uid, user.uid);
    const words = (template: string): readonly string[] => ['-x', '-t', placeOf(user, template), '--ephemeral', 'cat', '/file'];
    const { stdout, stderr } = await runAs(user, words('xfs/directory'));
    expect({ stdout, stderr }).toEqual({ stdout: 'of the template\n', stderr: expect.stringContaining('+ storage: dir\n') as string });
    const refused = await runAs(user, words('ext4/directory'));
    expect(refused).toMatchObject({ status: 125, stderr: expect.stringContaining('which cannot hold the layers of a run') as string });
  } finally {
    await tool('/bin/umount', join(layers, 'merged'));
    await tool('/bin/umount', layers);
    await rm(layers, { recursive: true });
  }
});

/** Everything that is beside a template, and in the places of clones. */
async function listBeside(template: string): Promise<readonly string[]> {
  const parent = join(template, '..');
  const places = (await readdir(parent)).filter((entry) => entry.startsWith('.'));
  const inside = await Promise.all(places.map(async (place) => await readdir(join(parent, place), { recursive: true })));
  return [...(await readdir(parent)), ...inside.flat()].toSorted();
}

/** The clones beside a template. */
async function clonesBeside(template: string): Promise<readonly string[]> {
  const parent = join(template, '..');
  const places = (await readdir(parent)).filter((entry) => entry.startsWith(`.${basename(template)}.clones`));
  const kinds = places.flatMap((place) => ['btrfs', 'dir'].map((kind) => join(parent, place, kind)));
  const found = await Promise.all(kinds.map(async (kind) => await readdir(kind).catch(() => [])));
  return found.flat().filter((entry) => entry !== 'template');
}

/** The names of all files, and what the one has that runs change. */
async function listTree(path: string): Promise<readonly string[]> {
  return [...(await readdir(path, { recursive: true })).toSorted(), await readFile(join(path, 'file'), 'utf8')];
}
