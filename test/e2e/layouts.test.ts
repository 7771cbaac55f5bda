import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { layouts, listTree, makeLayout } from '../rig/layouts.ts';
import { addPlainUser } from '../rig/plain-user.ts';

const user = 54_380;
let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'isolate-layouts-'));
  chmodSync(scratch, 0o755);
  const home = join(scratch, 'home');
  mkdirSync(home);
  chownSync(home, user, user);
  writeFileSync(join(scratch, 'file'), 'bound\n');
  mkdirSync(join(scratch, 'directory'));
  await addPlainUser(home, user);
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** Who runs, on whose root, and what of the root changes. */
const ways = [
  ['bwrap', 'root', "root's", '--ephemeral'],
  ['bwrap', 'root', "root's", '--read-only'],
  ['bwrap', 'a user', "root's", '--ephemeral'],
  ['bwrap', 'a user', "root's", '--read-only'],
  ['bwrap', 'a user', 'its own', 'as it is'],
  ['bwrap', 'a user', 'its own', '--read-only'],
  ['lxc', 'root', "root's", '--ephemeral'],
  ['lxc', 'root', "root's", '--read-only'],
  ['lxc', 'a user', "root's", '--ephemeral'],
  ['lxc', 'a user', 'its own', '--read-only'],
  ['chroot', 'root', "root's", 'as it is'],
] as const;

// What root inside sees.
const script = [
  'echo "bound: $(cat /opt/new/place/file)"',
  'stat -c "%a %F" /opt/new /opt/new/place /srv/also /srv/also/new',
  'echo "names: $(grep "127.0.1.1 $(hostname)" /etc/hosts 2> /dev/null | wc -l)"',
].join('; ');
const made = `bound: bound\n${'755 directory\n'.repeat(4)}`;

describe.each(Object.entries(layouts))('%s', (_name, layout) => {
  test.concurrent.each(ways)('%s, %s on a root that is %s, %s: runs, with a new place for each bind', async (engine, who, whose, mode) => {
    const root = join(mkdtempSync(join(scratch, 'of-')), 'root');
    chmodSync(join(root, '..'), 0o755);
    makeLayout(layout, root);
    if (whose === 'its own') execFileSync('chown', ['-hR', `${user}:${user}`, root]);
    const before = listTree(root);
    const command = ['-q', '-e', engine, '-t', root, ...(mode === 'as it is' ? [] : [mode])];
    const binds = ['-d', `${scratch}/file:/opt/new/place/file:ro`, '-d', `${scratch}/directory:/srv/also/new`];
    const options = who === 'root' ? {} : { uid: user, environment: { HOME: join(scratch, 'home') } };
    const found = await isolate([...command, ...binds, 'sh', '-c', script], options);
    const isClosed = layout.mode === 0o700 && who === 'a user' && whose === "root's";
    if (isClosed) {
      expect(found).toEqual({
        status: 125,
        signal: null,
        stdout: '',
        stderr: `isolate: You may not enter the template directory ${root}.\n`,
      });
    } else {
      const names = mode === 'as it is' ? 0 : 1;
      expect(found).toEqual({ status: 0, signal: null, stdout: `${made}names: ${names}\n`, stderr: '' });
    }
    if (mode !== 'as it is') expect(listTree(root)).toEqual(before);
  });
});

// Without /etc/passwd there is nobody else, and in a root for its owner alone nobody else gets anywhere.
const othersGetIn = Object.entries(layouts).filter(([name, { mode }]) => name !== 'nothing but /bin' && mode !== 0o700);

describe.each(othersGetIn)('%s', (_name, layout) => {
  test.each(['bwrap', 'chroot'])('%s: the name servers of the host are there for every id', async (engine) => {
    const root = join(mkdtempSync(join(scratch, 'of-')), 'root');
    makeLayout(layout, root);
    const mode = engine === 'chroot' ? [] : ['--ephemeral'];
    const command = ['su', '-s', '/bin/sh', 'daemon', '-c', 'cat /etc/resolv.conf'];
    const shown = await isolate(['-q', '-n', '-e', engine, '-t', root, ...mode, ...command]);
    const text = readFileSync('/etc/resolv.conf', 'utf8');
    expect(shown).toEqual({ status: 0, signal: null, stdout: text, stderr: '' });
  });
});
