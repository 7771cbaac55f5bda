import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { archiveOf, layoutFiles, writeArchive } from '../rig/images.ts';
import { isolate } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { tarOf } from '../rig/tar.ts';

let archive: string;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  const tree = await busyboxRootfs(join(directory, 'tree'));
  const base = execFileSync('tar', ['-cf', '-', '-C', tree, '.'], { maxBuffer: 2 ** 27 });
  const upper = tarOf([
    { path: 'srv/', uid: 1000, gid: 1000 },
    { path: 'srv/greet', content: '#!/bin/sh\necho "$GREETING, $* of $(id -u):$(id -g) in $PWD"\n', mode: 0o755 },
    { path: 'etc/.wh.os-release' },
  ]);
  const config = {
    Entrypoint: ['/srv/greet'],
    Cmd: ['guest'],
    Env: ['GREETING=hello'],
    WorkingDir: '/srv',
    User: '1000:1000',
    StopSignal: 'SIGINT',
    ExposedPorts: { '80/tcp': {} },
  };
  archive = writeArchive(archiveOf(layoutFiles([{ tar: base }, { tar: upper }], config)));
  execFileSync('chmod', ['-R', 'a+rX', join(archive, '..')]);
});

test('an image becomes a template, whose runs have the command, variables, directory and user of the image', async () => {
  expect(await isolate(['template', 'create', 'app', '--from', `oci-archive:${archive}`])).toEqual({
    status: 0,
    signal: null,
    stdout:
      `made app from oci-archive:${archive}\n` +
      'not used: StopSignal, ExposedPorts of the image\n' +
      'a shell in a throw-away copy of it: isolate -c app bash\n',
    stderr: '',
  });
  const path = '/var/lib/isolate/templates/app';
  const { digest } = JSON.parse(readFileSync(join(path, '.isolate/template.json'), 'utf8')) as { digest: string };
  const shown = (await isolate(['template', 'show', 'app'])).stdout;
  expect(shown.replace(digest, 'DIGEST').replaceAll(/^(?:created|size) .*\n/gm, '')).toBe(
    `name         app
storage      directory
location     ${path}
clones       0 fresh, 0 in use, 0 to be destroyed
source       oci-archive:${archive}
digest       DIGEST
entrypoint   ["/srv/greet"]
command      ["guest"]
environment  GREETING=hello
directory    /srv
user         1000:1000
not used     StopSignal, ExposedPorts
`,
  );
  const run = (...words: readonly string[]) => isolate(['-q', '--ephemeral', '-t', path, ...words]);
  expect(await run()).toMatchObject({ status: 0, stdout: 'hello, guest of 1000:1000 in /srv\n', stderr: '' });
  expect(await run('--user', 'root', 'sh', '-c', 'ls /etc/os-release; id -u')).toMatchObject({ stdout: '0\n' });
});

test('a plain user makes a template of an image, and runs it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  chownSync(home, 4200, 4200);
  await addPlainUser(home, 4200);
  const options = { uid: 4200, environment: { HOME: home, XDG_RUNTIME_DIR: '', XDG_DATA_HOME: '' } };
  expect(await isolate(['template', 'create', '-q', 'app', '--from', `oci-archive:${archive}`], options)).toEqual({
    status: 0,
    signal: null,
    stdout: '',
    stderr: '',
  });
  const path = join(home, '.local/share/isolate/templates/app');
  expect(await isolate(['-q', '--ephemeral', '-t', path], options)).toMatchObject({ stdout: 'hello, guest of 1000:1000 in /srv\n' });
});

test('a hostile image leaves nothing but its error', async () => {
  const files = layoutFiles([{ tar: tarOf([{ path: 'usr/' }, { path: '../../x', content: 'x' }]) }]);
  const hostile = writeArchive(archiveOf(files));
  const { status, stdout, stderr } = await isolate(['template', 'create', 'hostile', '--from', `oci-archive:${hostile}`]);
  expect({ status, stdout, stderr: stderr.replaceAll(/[0-9a-f]{64}/g, 'HEX') }).toEqual({
    status: 1,
    stdout: '',
    stderr: `isolate: blobs/sha256/HEX of ${hostile} cannot be unpacked.\nbecause: ../../x: the name leads out of the root with '..', or is too long\n`,
  });
  expect(readdirSync('/var/lib/isolate/templates').filter((name) => name.includes('hostile'))).toEqual([]);
});
