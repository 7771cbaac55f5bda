import { appendFileSync, chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { findOtherWriters } from '../../../src/host/other-writers.ts';

const accounts = mkdtempSync(join(tmpdir(), 'accounts-'));
// In the mount namespace of the tests: two users, a group with one of them, an empty group, and one that is a user's own.
beforeAll(() => {
  for (const [name, lines] of [
    ['passwd', 'wada:x:54001:54001::/:/bin/sh\nwbob:x:54002:54009::/:/bin/sh\n'],
    ['group', 'wada:x:54001:\nwmembers:x:54003:root,wada\nwroots:x:54004:root\nwempty:x:54005:\nwown:x:54009:\n'],
  ] as const) {
    copyFileSync(`/etc/${name}`, join(accounts, name));
    appendFileSync(join(accounts, name), lines);
    execFileSync('mount', ['--bind', join(accounts, name), `/etc/${name}`]);
  }
});
afterAll(() => {
  for (const name of ['passwd', 'group']) execFileSync('umount', [`/etc/${name}`]);
});

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'writers-'));
  chmodSync(top, 0o755);
  mkdirSync(join(top, 'dist/cache'), { recursive: true });
  writeFileSync(join(top, 'dist/a.cjs'), '');
  writeFileSync(join(top, 'dist/cache/b'), '');
  return () => rmSync(top, { recursive: true });
});

const found = (uid = 0): readonly string[] =>
  findOtherWriters({ paths: [join(top, 'dist'), join(top, 'no/such/node')], uid }).map(
    ({ path, who }) => `${path.slice(top.length)} ${who}`,
  );

test('files that root alone can write have no other writers', () => {
  expect(found()).toEqual([]);
});

test.each<[string, () => void, readonly string[]]>([
  ['the owner of a file', () => chownSync(join(top, 'dist/cache/b'), 54_001, 0), ['/dist/cache/b wada']],
  [
    'the owner of a directory above, first',
    () => (chownSync(top, 54_001, 0), chownSync(join(top, 'dist/a.cjs'), 777_777, 0)),
    [' wada', '/dist/a.cjs user 777777'],
  ],
  ['everyone', () => chmodSync(join(top, 'dist/cache'), 0o757), ['/dist/cache everyone']],
  [
    'a group with another member',
    () => (chownSync(join(top, 'dist'), 0, 54_003), chmodSync(join(top, 'dist'), 0o775)),
    ['/dist the group wmembers'],
  ],
  [
    'a group that is a user’s own',
    () => (chownSync(join(top, 'dist'), 0, 54_009), chmodSync(join(top, 'dist'), 0o775)),
    ['/dist the group wown'],
  ],
  [
    'a group that nobody here knows',
    () => (chownSync(join(top, 'dist'), 0, 777_777), chmodSync(join(top, 'dist'), 0o775)),
    ['/dist the group 777777'],
  ],
  ['a group of root alone: nobody', () => (chownSync(join(top, 'dist'), 0, 54_004), chmodSync(join(top, 'dist'), 0o775)), []],
  ['a group without members: nobody', () => (chownSync(join(top, 'dist'), 0, 54_005), chmodSync(join(top, 'dist'), 0o775)), []],
  ['those who can add to a directory above that is sticky: nobody', () => chmodSync(top, 0o1777), []],
  ['those who can add to the directory itself, sticky or not', () => chmodSync(join(top, 'dist'), 0o1777), ['/dist everyone']],
  ['the owner of a link: nobody', () => symlinkSync('a.cjs', join(top, 'dist/link')), []],
  [
    'those who could put a directory where one is looked for',
    () => (mkdirSync(join(top, 'no')), chmodSync(join(top, 'no'), 0o777)),
    ['/no everyone'],
  ],
])('another writer is %s', (_, change, expected) => {
  change();
  expect(found()).toEqual(expected);
});

test('a user trusts itself and root, and no other user', () => {
  chownSync(join(top, 'dist/a.cjs'), 54_001, 54_001);
  chmodSync(join(top, 'dist/a.cjs'), 0o664);
  expect([found(54_001), found(54_002)]).toEqual([[], ['/dist/a.cjs wada']]);
});
