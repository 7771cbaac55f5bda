import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { archiveOf, dockerFiles, layoutFiles, writeArchive } from '../rig/images.ts';
import { isolate, isolatePath } from '../rig/isolate.ts';
import { hostStore, useOwnStore } from '../rig/own-store.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { tarOf } from '../rig/tar.ts';
import { makePool } from '../rig/zpool.ts';

useOwnStore();

let archive: string;
/** Layers that take some time. */
let storm: readonly Buffer[];
const rounds = Number(process.env['ISOLATE_TEST_TEMPLATE_KILLS'] ?? 20);

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
  storm = [base, upper, ...[1, 2, 3].map((layer) => tarOf(Array.from({ length: 500 }, (_, file) => ({ path: `usr/${layer}/${file}` }))))];
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
  const path = join(hostStore, 'app');
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

test('an image becomes a dataset, and clones of it run', async () => {
  const pool = await makePool();
  onTestFinished(pool.end);
  const dataset = `${pool.name}/app`;
  expect(await isolate(['template', 'create', '-q', dataset, '--from', `oci-archive:${archive}`])).toEqual({
    status: 0,
    signal: null,
    stdout: '',
    stderr: '',
  });
  expect(await isolate(['-q', '-z', dataset])).toMatchObject({ status: 0, stdout: 'hello, guest of 1000:1000 in /srv\n', stderr: '' });
}, 300_000);

test(
  'whenever it is killed, or its run is ended by Ctrl-C, there is a whole template or none',
  async () => {
    // That of this test alone.
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/var/tmp']);
    onTestFinished(() => void execFileSync('umount', ['/var/tmp']));
    const parent = mkdtempSync(join(tmpdir(), 'killed-'));
    const path = join(parent, 'app');
    const from = `docker-archive:${writeArchive(gzipSync(archiveOf(dockerFiles(storm))))}`;
    const started = performance.now();
    expect(await isolate(['template', 'create', '-q', path, '--from', from])).toMatchObject({ status: 0 });
    const duration = performance.now() - started;
    const whole = execFileSync('find', ['.'], { cwd: path, encoding: 'utf8' }).split('\n').toSorted();
    for (let round = 0; round < rounds; round += 1) {
      execFileSync('rm', ['-rf', path]);
      const creating = spawn(isolatePath, ['template', 'create', '-q', path, '--from', from], { stdio: 'ignore' });
      const ended = once(creating, 'exit');
      await new Promise((resolve) => setTimeout(resolve, (duration * round) / rounds));
      creating.kill(round % 2 === 0 ? 'SIGKILL' : 'SIGINT');
      await ended;
      if (existsSync(path)) expect(execFileSync('find', ['.'], { cwd: path, encoding: 'utf8' }).split('\n').toSorted()).toEqual(whole);
    }
    execFileSync('rm', ['-rf', path]);
    // Whoever comes next in the same place removes what is left.
    expect(await isolate(['template', 'create', '-q', path, '--from', from])).toMatchObject({ status: 0 });
    expect(readdirSync(parent)).toEqual(['app']);
    expect(readdirSync('/var/tmp')).toEqual([]);
  },
  120_000 + rounds * 10_000,
);

test('a hostile image leaves nothing but its error', async () => {
  const files = layoutFiles([{ tar: tarOf([{ path: 'usr/' }, { path: '../../x', content: 'x' }]) }]);
  const hostile = writeArchive(archiveOf(files));
  const { status, stdout, stderr } = await isolate(['template', 'create', 'hostile', '--from', `oci-archive:${hostile}`]);
  expect({ status, stdout, stderr: stderr.replaceAll(/[0-9a-f]{64}/g, 'HEX') }).toEqual({
    status: 1,
    stdout: '',
    stderr: `isolate: blobs/sha256/HEX of ${hostile} cannot be unpacked.\nbecause: ../../x: the name leads out of the root with '..', or is too long\n`,
  });
  expect(readdirSync(hostStore).filter((name) => name.includes('hostile'))).toEqual([]);
});
