import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { checkAccess, maySee } from '../../../src/daemon/access.ts';
import { type Accounts, readAccounts } from '../../../src/daemon/accounts.ts';
import { IsolateError } from '../../../src/error.ts';
import { rightsOf } from '../../../src/host/rights.ts';

let directory: string;
let accounts: Accounts;
let config: Config;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-access-'));
  await writeFile(
    join(directory, 'passwd'),
    'root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/:\ngrace:x:1001:100::/:\n2000:x:1002:1002::/:\n',
  );
  await writeFile(join(directory, 'group'), 'root:x:0:\nisolate:x:900:eve\nbuild:x:901:\n');
  accounts = readAccounts(join(directory, 'passwd'), join(directory, 'group'), join(directory, 'subuid'));
  const text = `
[templates."t/default"]
[templates."t/ada"]
users = ["ada"]
[templates."t/build"]
groups = ["build", 950]
engines = ["bwrap"]
[templates."t/both"]
users = [2000, "nobody-has-this-name"]
groups = ["isolate"]
[templates."t/all"]
users = ["*"]
[templates."t/none"]
users = []
`;
  config = await parseConfig([{ path: 'config.toml', text }]);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const templates = ['t/default', 't/ada', 't/build', 't/both', 't/all', 't/none', 't/absent'];

function allowed(uid: number, gid: number, groups: readonly number[] = []): string[] {
  return templates.filter((template) => refusal(uid, gid, groups, template) === null);
}

function refusal(uid: number, gid: number, groups: readonly number[], template: string, engine = 'bwrap'): IsolateError | null {
  try {
    checkAccess(config, { uid, gid, rights: rightsOf(uid), groups }, template, engine, accounts);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(IsolateError);
    return error as IsolateError;
  }
}

test('access is decided by the ids from the kernel', () => {
  expect({
    root: allowed(0, 0),
    ada: allowed(1000, 1000),
    'a member by supplementary group': allowed(1001, 100, [4, 900]),
    'a member by primary group': allowed(1001, 900),
    'a builder': allowed(1001, 100, [901]),
    'a member of a group with a number only': allowed(1001, 100, [950]),
    'a user with a number only': allowed(2000, 2000),
    'a user whose name is the number of another': allowed(1002, 1002),
    'one whom /etc/group lists but the kernel does not': allowed(1003, 1003),
    'the group of root': allowed(1004, 0, [0]),
  }).toEqual({
    root: templates,
    ada: ['t/ada', 't/all'],
    'a member by supplementary group': ['t/default', 't/both', 't/all'],
    'a member by primary group': ['t/default', 't/both', 't/all'],
    'a builder': ['t/build', 't/all'],
    'a member of a group with a number only': ['t/build', 't/all'],
    'a user with a number only': ['t/both', 't/all'],
    'a user whose name is the number of another': ['t/all'],
    'one whom /etc/group lists but the kernel does not': ['t/all'],
    'the group of root': ['t/all'],
  });
});

test('an unknown template and one of others look the same', () => {
  const told = ['t/build', 't/none', 't/absent'].map((template) => {
    const error = refusal(1000, 1000, [], template, 'lxc');
    return [error?.code, error?.message.replaceAll(template, 'T'), error?.hint?.replaceAll(template, 'T')];
  });
  const same = [
    'not-permitted',
    'ada (uid 1000) may not use the template T.',
    'root can allow it in /etc/isolate/config.toml: users = ["ada"] below [templates."T"]',
  ];
  expect(told).toEqual([same, same, same]);
});

test('a user without a name is named by number', () => {
  expect(refusal(4242, 4242, [], 't/ada')).toMatchObject({
    message: 'The user 4242 may not use the template t/ada.',
    hint: 'root can allow it in /etc/isolate/config.toml: users = ["4242"] below [templates."t/ada"]',
  });
});

test('an engine that the template is not for is refused to all but root', () => {
  expect(refusal(1001, 100, [901], 't/build', 'lxc')).toMatchObject({
    code: 'not-permitted',
    message: 'grace (uid 1001) may not use the template t/build with the engine "lxc".',
    hint: 'use one of bwrap, as listed in engines below [templates."t/build"] in /etc/isolate/config.toml',
  });
  expect(refusal(0, 0, [], 't/build', 'lxc')).toBeNull();
});

test.each(['', '/etc', 't/a@s', '-x', 't/../u', 't/a\n', '__proto__/..'])('%j is not a template for anybody', (name) => {
  expect([refusal(1000, 1000, [], name)?.code, refusal(0, 0, [], name)?.code]).toEqual(['bad-name', 'bad-name']);
});

test('a uid of a subordinate range is one, unless a user has it by name', async () => {
  await writeFile(join(directory, 'subuid'), 'ada:100000:65536\ngrace:1000:2\n1003:200000:1\nbroken:0:5\n');
  const uids = [0, 1000, 1003, 99_999, 100_000, 165_535, 165_536, 200_000];
  expect(uids.filter((uid) => accounts.isSubordinate(uid))).toEqual([100_000, 165_535, 200_000]);
});

test('a template may be seen by whom its clones are for', () => {
  const seen = (uid: number, groups: readonly number[]): string[] =>
    [...config.templates.keys(), 't/other'].filter((name) =>
      maySee(config, { uid, gid: uid, rights: rightsOf(uid), groups }, name, accounts),
    );
  expect(seen(0, [])).toContain('t/other');
  expect([seen(1000, []), seen(1005, [900]), seen(1001, [901])]).toEqual([
    ['t/ada', 't/all'],
    ['t/default', 't/both', 't/all'],
    ['t/build', 't/all'],
  ]);
});

test('names are those of the files as they are now', async () => {
  const own = readAccounts(join(directory, 'passwd2'), join(directory, 'group2'), join(directory, 'subuid2'));
  expect({ uid: own.uidOf('ada'), gid: own.gidOf('build'), name: own.userName(5) }).toEqual({ uid: null, gid: null, name: null });
  await writeFile(join(directory, 'passwd2'), 'ada:x:5:5\n');
  await writeFile(join(directory, 'group2'), 'build:x:6:\n');
  expect({ uid: own.uidOf('ada'), gid: own.gidOf('build'), name: own.userName(5) }).toEqual({ uid: 5, gid: 6, name: 'ada' });
  await writeFile(join(directory, 'passwd3'), 'ada:x:7:7\n');
  await rename(join(directory, 'passwd3'), join(directory, 'passwd2'));
  expect({ uid: own.uidOf('ada'), former: own.userName(5), number: own.uidOf('8'), empty: own.uidOf('') }).toEqual({
    uid: 7,
    former: null,
    number: 8,
    empty: null,
  });
});
