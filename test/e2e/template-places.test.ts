import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { addMember, type Member, runAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

let scratch: string;
let ada: Member;
beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'isolate-places-')));
  chmodSync(scratch, 0o755);
  ada = await addMember(54_441);
  for (const [path, uid] of [
    [join(ada.home, 'theirs'), ada.uid],
    [join(scratch, 'roots'), 0],
    [join(scratch, 'public'), 0],
  ] as const) {
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, uid, uid);
  }
  chmodSync(join(scratch, 'public'), 0o755);
  await copyRootfs(await busyboxRootfs(), join(ada.home, 'theirs/web'));
  execFileSync('chown', ['-hR', `${ada.uid}:${ada.uid}`, join(ada.home, 'theirs/web')]);
  await copyRootfs(await busyboxRootfs(), join(scratch, 'roots/web'));
  symlinkSync(join(scratch, 'roots'), join(ada.home, 'link'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const refused = (path: string, name: string) => ({
  status: 1,
  stdout: '',
  stderr:
    `isolate: ${name} is not safe to change: ${ada.name} can change ${path}.\n` +
    'hint: keep templates where only their owner can change anything, or change this one as its owner\n',
});

test.each<[string, (home: string) => readonly string[]]>([
  ['create', (home) => ['create', join(home, 'theirs/new'), '--from', join(scratch, 'roots/web')]],
  ['create in a directory that is missing', (home) => ['create', join(home, 'missing/new'), '--from', join(scratch, 'roots/web')]],
  ['create behind a link', (home) => ['create', join(home, 'link/new'), '--from', join(scratch, 'roots/web')]],
  ['snapshot', (home) => ['snapshot', join(home, 'theirs/web')]],
  ['rollback', (home) => ['rollback', join(home, 'theirs/web'), 'first']],
  ['rename', (home) => ['rename', join(home, 'theirs/web'), join(home, 'theirs/other')]],
  ['rename into it', (home) => ['rename', join(scratch, 'roots/web'), join(home, 'theirs/other')]],
  ['remove', (home) => ['remove', join(home, 'theirs/web')]],
])('root does not %s where another user could put something else', async (_, words) => {
  const [verb = '', name = '', ...more] = words(ada.home);
  const meant = [name, ...more].find((word) => word.startsWith(ada.home)) ?? '';
  expect(await isolate(['template', verb, name, ...more])).toMatchObject(refused(ada.home, meant));
  expect([readdirSync(join(ada.home, 'theirs')), existsSync(join(ada.home, 'missing')), readdirSync(join(scratch, 'roots'))]).toEqual([
    ['web'],
    false,
    ['web'],
  ]);
});

test('a template is not renamed to where other users reach its programs', async () => {
  const target = join(scratch, 'public/web');
  expect(await isolate(['template', 'rename', join(scratch, 'roots/web'), target])).toMatchObject({
    status: 1,
    stderr:
      `isolate: Other users can enter ${join(scratch, 'public')}, and could start set-uid programs of a template there.\n` +
      `hint: chmod go-x ${join(scratch, 'public')}, or make a directory in it that only you may enter\n`,
  });
  expect(existsSync(target)).toBe(false);
});

test('a file is not looked for at the root where the user has no home', async () => {
  const sent = await isolate(['template', 'send', join(scratch, 'public'), '~/x'], { uid: 54_499, environment: { HOME: '' } });
  expect(sent).toMatchObject({ status: 2, stderr: 'isolate: "~/x" is in your home directory, and you have none.\nhint: set HOME\n' });
});

test('its owner can do it', async () => {
  expect(await runAs(ada, ['template', 'rename', './theirs/web', './theirs/other'])).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(join(ada.home, 'theirs'))).toEqual(['other']);
});
