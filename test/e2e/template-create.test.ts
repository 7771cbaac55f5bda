import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { hostStore, useOwnStore } from '../rig/own-store.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

useOwnStore();

let archive: string;

/** A directory that only its owner may enter. */
function privateDirectory(uid = 0): string {
  const path = mkdtempSync(join(tmpdir(), 'create-'));
  chownSync(path, uid, uid);
  return path;
}

beforeAll(async () => {
  const directory = privateDirectory();
  chmodSync(directory, 0o755);
  const tree = await busyboxRootfs(join(directory, 'tree'));
  execFileSync('chown', ['1000:1000', join(tree, 'home')]);
  archive = join(directory, 'root.tar.gz');
  execFileSync('tar', ['-czf', archive, '-C', tree, '.']);
});

test('a name becomes a template in the store of the host', async () => {
  const made = await isolate(['template', 'create', 'busybox', '--from', archive]);
  expect(made).toEqual({
    status: 0,
    signal: null,
    stdout: `made busybox from ${archive}\na shell in a throw-away copy of it: isolate -c busybox bash\n`,
    stderr: '',
  });
  const path = join(hostStore, 'busybox');
  expect(readdirSync(hostStore)).toEqual(['busybox']);
  const run = await isolate(['-q', '--ephemeral', '-t', path, 'stat', '-c', '%u:%g', '/', '/home', '/bin/busybox']);
  expect(run).toEqual({ status: 0, signal: null, stdout: '0:0\n1000:1000\n0:0\n', stderr: '' });
  expect(await isolate(['template', 'create', 'busybox', '--from', archive])).toMatchObject({ status: 1, stdout: '' });
});

test('a plain user makes a template below the home directory, and runs in it', async () => {
  const home = privateDirectory(4100);
  await addPlainUser(home, 4100);
  const options = { uid: 4100, environment: { HOME: home, XDG_RUNTIME_DIR: '', XDG_DATA_HOME: '' } };
  expect(await isolate(['template', 'create', '-q', 'mine', '--from', archive], options)).toEqual({
    status: 0,
    signal: null,
    stdout: '',
    stderr: '',
  });
  const path = join(home, '.local/share/isolate/templates/mine');
  const run = await isolate(['-q', '--ephemeral', '-t', path, 'stat', '-c', '%u:%g', '/', '/home'], options);
  expect(run).toEqual({ status: 0, signal: null, stdout: '0:0\n1000:1000\n', stderr: '' });
  // Its own copy is read with the same ids.
  expect(await isolate(['template', 'create', '-q', 'copy', '--from', path], options)).toMatchObject({ status: 0 });
  expect(await isolate(['-q', '--ephemeral', '-t', `${path}/../copy`, 'stat', '-c', '%u:%g', '/home'], options)).toMatchObject({
    stdout: '1000:1000\n',
  });
});

test('a user without subordinate ids is told how to get some', async () => {
  const home = privateDirectory(4101);
  await addPlainUser(home, 4101, null);
  const options = { uid: 4101, environment: { HOME: home, XDG_RUNTIME_DIR: '', XDG_DATA_HOME: '' } };
  expect(await isolate(['template', 'create', 'mine', '--from', archive], options)).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: expect.stringMatching(
      /^isolate: You have no subordinate ids, so you cannot make files of several users\.\nhint: as root: usermod --add-subuids (\d+-\d+) --add-subgids \1 plain4101\n$/,
    ) as string,
  });
  expect(readdirSync(join(home, '.local/share/isolate/templates'))).toEqual([]);
});

test('a directory that others can enter is no place for a template', async () => {
  const open = privateDirectory();
  chmodSync(open, 0o755);
  expect(await isolate(['template', 'create', join(open, 'x'), '--from', archive])).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr:
      `isolate: Other users can enter ${open}, and could start set-uid programs of a template there.\n` +
      `hint: chmod go-x ${open}, or make a directory in it that only you may enter\n`,
  });
  expect(readdirSync(open)).toEqual([]);
});

test('a failure leaves nothing', async () => {
  const parent = privateDirectory();
  const bad = join(parent, 'bad.tar');
  writeFileSync(bad, 'no archive');
  expect(await isolate(['template', 'create', join(parent, 'x'), '--from', bad])).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: `isolate: ${bad} cannot be unpacked.\nbecause: tar: This does not look like a tar archive\n`,
  });
  expect(readdirSync(parent)).toEqual(['bad.tar']);
});

test('an archive comes from standard input', async () => {
  const parent = privateDirectory();
  const made = execFileSync('sh', [
    '-c',
    `"$1" template create --json "$2" --from - < "$3"`,
    'sh',
    join(import.meta.dirname, '../../dist/isolate'),
    join(parent, 'x'),
    archive,
  ]);
  expect(JSON.parse(made.toString())).toEqual({
    template: join(parent, 'x'),
    record: { version: 1, createdMs: expect.any(Number) as number, source: '-', defaults: {} },
    left: { devices: 0, attributes: 0 },
    settings: null,
  });
  expect(JSON.parse(readFileSync(join(parent, 'x/.isolate/template.json'), 'utf8'))).toMatchObject({ source: '-' });
});

test('a label keeps the first state', async () => {
  const parent = privateDirectory();
  expect(await isolate(['template', 'create', '-q', join(parent, 'x'), '--from', archive, '--label', 'first'])).toMatchObject({
    status: 0,
  });
  expect(readdirSync(parent).toSorted()).toEqual(['.x@first', 'x']);
});

test.each([
  [['x'], 'The option --from is missing: what is the template made from?'],
  [
    ['x', '--from', 'debian:trixie', '--mirror', 'nowhere'],
    '--mirror takes an address such as http://deb.debian.org/debian, not "nowhere".',
  ],
  [['x', '--from', '/', '--variant', 'minbase'], '--variant is only for releases of distributions, not for "/".'],
  [['x', '--from', 'debian:trixie', '--max-size', '1G'], '--max-size is only for sources that are unpacked, not for "debian:trixie".'],
  [['x', '--from', 'debian:trixie', '--packages', 'a b'], '--packages takes names of packages with commas between them; "a b" is none.'],
  [['x', '--from', '/', '--max-size', 'big'], '--max-size takes a size such as 512M or 2G, not "big".'],
])('%j is refused', async (words, message) => {
  const { status, stderr } = await isolate(['template', 'create', ...words]);
  expect({ status, message: stderr.split('\n')[0] }).toEqual({ status: 2, message: `isolate: ${message}` });
});
