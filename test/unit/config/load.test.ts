import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Config, limitsOf, templateCount } from '../../../src/config/config.ts';
import { readSandboxIds } from '../../../src/config/ids.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { IsolateError } from '../../../src/error.ts';

let top: string;
let path: string;
let directory: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'isolate-config-'));
  path = join(top, 'config.toml');
  directory = join(top, 'config.d');
});
afterEach(async () => {
  await rm(top, { recursive: true });
});

const nothing: Config = {
  count: null,
  template: null,
  engine: null,
  store: null,
  templates: new Map(),
  limits: { leases: 64, leasesPerMinute: 600, waiting: 32, sessions: 16, users: new Map() },
  ids: null,
  files: [],
};

/** Writes the main file, and drop-ins by their names. */
async function write(text: string | null, dropIns: Readonly<Record<string, string>> = {}): Promise<void> {
  if (text !== null) await writeFile(path, text);
  if (Object.keys(dropIns).length > 0) await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(dropIns)) await writeFile(join(directory, name), content);
}

async function load(): Promise<Config> {
  return await loadConfig({ path, directory });
}

/** The message of the error that reading ends with, without the directory of this test. */
async function refusal(text: string | null, dropIns: Readonly<Record<string, string>> = {}): Promise<string> {
  await write(text, dropIns);
  const error: unknown = await load().then(
    (config) => config,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(IsolateError);
  expect(error).toMatchObject({ code: 'bad-config' });
  return (error as IsolateError).message.replaceAll(`${top}/`, '');
}

test('without any file the defaults apply', async () => {
  expect(await load()).toEqual(nothing);
});

test('one file can set everything', async () => {
  await write(`
count = 4
template = "debian"
engine = "lxc"
store = "tank/isolate"
[templates."tank/debian"]
count = 20
users = ["ada", 1000, "1001"]
groups = ["build", 7]
engines = ["bwrap"]
[templates."tank/plain"]
[templates."tank/open"]
users = ["*"]
[limits]
leases = 8
leases_per_minute = 60
waiting = 6
sessions = 7
cpu = 200
memory = "2G"
pids = 1000
[limits.users.ada]
leases = 16
memory = 4096
[limits.users.1000]
leases_per_minute = 1
[ids]
uid_start = 1_000_000
gid_start = 2_000_000
count = 655_360
`);
  expect(await load()).toEqual({
    count: 4,
    template: 'debian',
    engine: 'lxc',
    store: 'tank/isolate',
    templates: new Map([
      ['tank/debian', { count: 20, users: ['ada', '1000', '1001'], groups: ['build', '7'], engines: ['bwrap'] }],
      ['tank/plain', { count: null, users: [], groups: ['isolate'], engines: null }],
      ['tank/open', { count: null, users: ['*'], groups: [], engines: null }],
    ]),
    limits: {
      leases: 8,
      leasesPerMinute: 60,
      waiting: 6,
      sessions: 7,
      cpuPercent: 200,
      memoryBytes: 2 ** 31,
      pids: 1000,
      users: new Map([
        ['ada', { leases: 16, memoryBytes: 4096 }],
        ['1000', { leasesPerMinute: 1 }],
      ]),
    },
    ids: { uids: { start: 1_000_000, count: 655_360 }, gids: { start: 2_000_000, count: 655_360 } },
    files: [path],
  });
});

test('later files override earlier ones key by key, in the byte order of their names', async () => {
  await write(
    'count = 1\nstore = "t"\ntemplate = "a"\n[templates."t/a"]\ncount = 1\nusers = ["ada"]\n[limits]\nleases = 5\nleases_per_minute = 5\n',
    {
      'b.toml': 'template = "/srv/b"\n[templates."t/a"]\ncount = 3\n[templates."t/b"]\n[limits.users.ada]\nleases = 1\n',
      'a.toml': 'count = 2\n[templates."t/a"]\ncount = 2\nengines = ["lxc"]\n[limits.users.ada]\nleases = 2\nleases_per_minute = 2\n',
      'B.toml': 'count = 9\n[limits]\nleases = 9\n',
      '.a.toml': 'none of this is read',
      'a.toml~': 'none of this is read',
    },
  );
  expect(await load()).toEqual({
    count: 2,
    template: '/srv/b',
    engine: null,
    store: 't',
    templates: new Map([
      ['t/a', { count: 3, users: ['ada'], groups: [], engines: ['lxc'] }],
      ['t/b', { count: null, users: [], groups: ['isolate'], engines: null }],
    ]),
    limits: { leases: 9, leasesPerMinute: 5, waiting: 32, sessions: 16, users: new Map([['ada', { leases: 1, leasesPerMinute: 2 }]]) },
    ids: null,
    files: [path, join(directory, 'B.toml'), join(directory, 'a.toml'), join(directory, 'b.toml')],
  });
});

test('names that every object has are users like others', async () => {
  await write('[limits.users.constructor]\nleases = 3\n[limits.users.__proto__]\nleases = 4\n');
  expect([...(await load()).limits.users]).toEqual([
    ['constructor', { leases: 3 }],
    ['__proto__', { leases: 4 }],
  ]);
  expect(templateCount(nothing, 'toString')).toBeNull();
});

test('a template has its own count, else the one for all, else none', async () => {
  await write('count = 4\n[templates."t/a"]\ncount = 20\n[templates."t/b"]\n');
  const config = await load();
  expect(['t/a', 't/b', 't/c'].map((name) => templateCount(config, name))).toEqual([20, 4, 4]);
  expect(templateCount(nothing, 't/a')).toBeNull();
});

test('a user has the limits of its number before those of its name before those of all', async () => {
  await write(
    '[limits]\nleases = 1\nleases_per_minute = 1\n[limits.users.ada]\nleases = 2\nleases_per_minute = 2\nwaiting = 5\n[limits.users.7]\nleases = 3\n',
  );
  const config = await load();
  expect(limitsOf(config, 7, 'ada')).toEqual({ leases: 3, leasesPerMinute: 2, waiting: 5, sessions: 16 });
  expect(limitsOf(config, 8, 'ada')).toEqual({ leases: 2, leasesPerMinute: 2, waiting: 5, sessions: 16 });
  expect(limitsOf(config, 8, null)).toEqual({ leases: 1, leasesPerMinute: 1, waiting: 32, sessions: 16 });
  expect(limitsOf(config, 8, 'grace')).toEqual({ leases: 1, leasesPerMinute: 1, waiting: 32, sessions: 16 });
});

test('so it is with the most that a run may ask for, where there is such a limit', async () => {
  await write('[limits]\ncpu = 200\nmemory = "2G"\n[limits.users.ada]\nmemory = "4G"\n[limits.users.7]\npids = 50\n');
  const config = await load();
  expect(limitsOf(config, 7, 'ada')).toMatchObject({ cpuPercent: 200, memoryBytes: 2 ** 32, pids: 50 });
  expect(limitsOf(config, 8, null)).toEqual({
    leases: 64,
    leasesPerMinute: 600,
    waiting: 32,
    sessions: 16,
    cpuPercent: 200,
    memoryBytes: 2 ** 31,
  });
  expect(limitsOf(nothing, 7, 'ada')).toEqual({ leases: 64, leasesPerMinute: 600, waiting: 32, sessions: 16 });
});

const faults: readonly (readonly [text: string, reason: string])[] = [
  ['count =\n', 'line 1, count: '],
  ['template = "./here"\n', 'line 1, template: must be a name, a dataset or an absolute path, not "./here".'],
  ['count = 5\nengine = "docker"\n', 'line 2, engine: must be one of bwrap, lxc, kvm, chroot, not "docker".'],
  ['store = "tank/"\n', 'line 1, store: must be a dataset or an absolute path, not "tank/".'],
  ['store = 5\n', 'line 1, store: must be a dataset or an absolute path, not 5.'],
  ['a.b = 1\n[x]\n\n= 5\n', 'line 4, x: '],
  ['\n  ]\n', 'line 2, before the first key: '],
  ['count = 0\n', 'line 1, count: must be a whole number from 1 to 1000, not 0.'],
  ['\ncount = 1001\n', 'line 2, count: must be a whole number from 1 to 1000, not 1001.'],
  ['count = 1.5\n', 'line 1, count: must be a whole number from 1 to 1000, not 1.5.'],
  ['count = "5"\n', 'line 1, count: must be a whole number from 1 to 1000, not "5".'],
  ['# a\nsize = 5\n', 'line 2, size: there is no such key.'],
  ['toString = 5\n', 'line 1, toString: there is no such key.'],
  ['constructor = 5\n', 'line 1, constructor: there is no such key.'],
  ['Count = 5\n', 'line 1, Count: there is no such key, did you mean count?'],
  ['[templates."t/a"]\nuser = ["ada"]\n', 'line 2, templates."t/a".user: there is no such key, did you mean users?'],
  ['[limits]\nlease = 5\n', 'line 2, limits.lease: there is no such key, did you mean leases?'],
  ['[templates."t/a"]\nengines = []\n', 'line 2, templates."t/a".engines: must name at least one engine; leave it out to allow all.'],
  [
    '[templates.tank]\n',
    'line 1, templates.tank: "tank" is not a dataset that isolate can use: it is a whole pool, and clones are made beside their template.',
  ],
  ['count = 1\n[templates.t/a]\n', 'line 2, templates.t: illegal character in key: put the name in quotes, [templates."t/a"].'],
  ['templates = 5\n', 'line 1, templates: must be a table, not 5.'],
  ['[[templates]]\n', 'line 1, templates: must be a table, not a list.'],
  ['[templates]\n"t/a" = []\n', 'line 2, templates."t/a": must be a table, not a list.'],
  ['[templates]\n"t/a" = 1979-05-27\n', 'line 2, templates."t/a": must be a table, not a date.'],
  ['[templates."t/a"]\ncount = 1\n\nsize = 5\n', 'line 4, templates."t/a".size: there is no such key.'],
  ['count = 1\n[templates."t//a"]\n', 'line 2, templates."t//a": "t//a" is not a dataset that isolate can use: a part of it is empty.'],
  ['[templates."t/a@s"]\n', 'line 1, templates."t/a@s": "t/a@s" is not a dataset that isolate can use: it names a snapshot or bookmark.'],
  ['templates."t/a".users = "ada"\n', 'line 1, templates."t/a".users: must be a list, not "ada".'],
  [
    '[templates."t/a"]\nusers = [\n  "ada",\n  "*",\n  "a:b",\n]\n',
    'line 5, templates."t/a".users: must be the name or the number of a user, or "*" for all, not "a:b".',
  ],
  [
    '[templates."t/a"]\nusers = [true]\n',
    'line 2, templates."t/a".users: must be the name or the number of a user, or "*" for all, not true.',
  ],
  ['[templates."t/a"]\nusers = [-1]\n', 'line 2, templates."t/a".users: must be the name or the number of a user, or "*" for all, not -1.'],
  ['[templates."t/a"]\ngroups = ["*"]\n', 'line 2, templates."t/a".groups: must be the name or the number of a group, not "*".'],
  [
    '[templates."t/a"]\ngroups = ["4294967295"]\n',
    'line 2, templates."t/a".groups: must be the name or the number of a group, not "4294967295".',
  ],
  ['[templates."t/a"]\ngroups = ["007"]\n', 'line 2, templates."t/a".groups: must be the name or the number of a group, not "007".'],
  [
    '[templates."t/a"]\nengines = ["bwrap",\n"docker"]\n',
    'line 3, templates."t/a".engines: must be one of bwrap, lxc, kvm, chroot, not "docker".',
  ],
  ['[limits]\ncpu = 0\n', 'line 2, limits.cpu: must be a whole number from 1 to 100000, not 0.'],
  ['[limits]\nmemory = "much"\n', 'line 2, limits.memory: must be a size such as "512M" or "2G", not "much".'],
  ['[limits]\nmemory = -1\n', 'line 2, limits.memory: must be a size such as "512M" or "2G", not -1.'],
  ['[limits.users.ada]\npids = 1.5\n', 'line 2, limits.users.ada.pids: must be a whole number from 1 to 4194304, not 1.5.'],
  ['[limits]\nleases = 0\n', 'line 2, limits.leases: must be a whole number from 1 to 100000, not 0.'],
  ['[limits]\nleases_per_second = 5\n', 'line 2, limits.leases_per_second: there is no such key.'],
  ['[limits.users."*"]\n', 'line 1, limits.users."*": must be the name or the number of a user, not "*".'],
  ['[limits.users]\nada = { leases = 1, speed = 2 }\n', 'line 2, limits.users.ada.speed: there is no such key.'],
  ['[ids]\nuid_start = 65535\n', 'line 2, ids.uid_start: must be a whole number from 65536 to 4294967294, not 65535.'],
  ['[ids]\ncount = 65536\n', 'line 2, ids.count: must be a whole number from 131072 to 4294967294, not 65536.'],
  ['[ids]\ncount = 131073\n', 'line 2, ids.count: must be a multiple of 65536, not 131073.'],
  ['\n[ids]\nuid_start = 65536\ncount = 131072\n', 'line 2, ids: must have uid_start, gid_start and count.'],
  [
    '[ids]\nuid_start = 65536\ngid_start = 4294836224\ncount = 131072\n',
    'line 3, ids.gid_start: 131072 ids from 4294836224 go past the last id, 4294967294.',
  ],
];

test.each(faults)('%j is refused with line and key', async (text, reason) => {
  const message = await refusal(text);
  if (/[.?]$/.test(reason)) expect(message).toBe(`config.toml is not valid: ${reason}`);
  else expect(message.startsWith(`config.toml is not valid: ${reason}`)).toBe(true);
});

test('the last id that a block may have is the one before the last number', async () => {
  await write('[ids]\nuid_start = 4294836223\ngid_start = 65536\ncount = 131072\n');
  expect((await load()).ids).toEqual({ uids: { start: 4_294_836_223, count: 131_072 }, gids: { start: 65_536, count: 131_072 } });
});

test('the error names the file with the mistake', async () => {
  expect(await refusal('count = 1\n', { 'a.toml': 'count = 2\n', 'b.toml': '\ncount = "x"\n' })).toBe(
    'config.d/b.toml is not valid: line 2, count: must be a whole number from 1 to 1000, not "x".',
  );
});

test('if files contradict each other, the last one is to blame', async () => {
  expect(
    await refusal('[ids]\nuid_start = 65536\ngid_start = 65536\ncount = 131072\n', {
      'a.toml': '# more\n[ids]\ncount = 4294901760\n',
      'b.toml': 'count = 1\n',
    }),
  ).toBe('config.d/a.toml is not valid: line 2, ids.uid_start: 4294901760 ids from 65536 go past the last id, 4294967294.');
});

test('a file or directory that others could write is refused', async () => {
  await write('count = 1\n', { 'a.toml': 'count = 2\n' });
  const dropIn = join(directory, 'a.toml');
  for (const [file, mode] of [
    [path, 0o664],
    [path, 0o646],
    [dropIn, 0o620],
    [directory, 0o777],
    [top, 0o770],
  ] as const) {
    await chmod(file, mode);
    expect(await refusal(null)).toBe(
      `Refusing ${file.replace(`${top}/`, '')}: users other than root can write to it, and it grants privileges.`,
    );
    await chmod(file, file === directory || file === top ? 0o755 : 0o644);
  }
  await chown(dropIn, 1000, 0);
  expect(await refusal(null)).toBe('Refusing config.d/a.toml: it belongs to uid 1000, and it grants privileges.');
});

test('a link is followed, and its target has to belong to root', async () => {
  const target = join(top, 'target');
  await writeFile(target, 'count = 7\n');
  await symlink(target, path);
  expect(await load()).toMatchObject({ count: 7, files: [path] });
  await chown(target, 1000, 0);
  expect(await refusal(null)).toBe('Refusing config.toml: it belongs to uid 1000, and it grants privileges.');
});

test('something that is not a regular file is refused at once', async () => {
  await mkdir(path);
  expect(await refusal(null)).toBe('config.toml is not a regular file.');
  await rm(path, { recursive: true });
  expect(await refusal('#'.repeat(256 * 1024 + 1))).toBe('config.toml is larger than 262144 bytes.');
  await rm(path);
  await symlink('config.toml', path);
  expect(await refusal(null)).toBe('config.toml cannot be read.');
});

test('the ids alone are read as they are with everything else', async () => {
  const places = { path, directory };
  expect(await readSandboxIds(places)).toBeNull();
  await write('count = 5\n');
  expect(await readSandboxIds(places)).toBeNull();
  await write('["\\u0069ds"]\nuid_start = 65536\ngid_start = 65536\ncount = 131072\n');
  expect(await readSandboxIds(places)).toEqual({ uids: { start: 65_536, count: 131_072 }, gids: { start: 65_536, count: 131_072 } });
});
