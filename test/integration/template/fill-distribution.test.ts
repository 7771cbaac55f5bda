import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { installers } from '../../../src/template/fill/installers.ts';
import { fillNew } from '../../rig/filling.ts';

/** The archive that this host's own packages come from. */
const mirror = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian'], {
  encoding: 'utf8',
})
  .split('\n')[0]!
  .replace(/\/$/, '');

test('a release of Debian is installed, with packages, by steps that are told', { timeout: 600_000 }, async () => {
  const steps: string[] = [];
  // A copy in a place that the sandbox cannot see.
  const keyring = join(mkdtempSync(join(tmpdir(), 'keys-')), 'debian.gpg');
  copyFileSync('/usr/share/keyrings/debian-archive-keyring.gpg', keyring);
  const options = { mirror, keyring, packages: ['hello'], onStep: (step: string) => void steps.push(step) };
  const { root, record } = await fillNew('debian:bookworm', options);
  expect(readFileSync(join(root, 'etc/os-release'), 'utf8')).toContain('VERSION_CODENAME=bookworm');
  expect([existsSync(join(root, 'usr/bin/hello')), statSync(join(root, 'usr/bin/passwd')).mode & 0o7777]).toEqual([true, 0o4755]);
  expect(record).toEqual({ version: 1, createdMs: 0, source: 'debian:bookworm', defaults: {} });
  expect(steps).toContain('installing essential packages...');
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(root);
});

test('a release that the archive does not have is said to be missing', { timeout: 120_000 }, async () => {
  await expect(fillNew('debian:nosuchrelease', { mirror })).rejects.toMatchObject({
    code: 'source-failed',
    message: 'mmdebstrap could not install debian:nosuchrelease.',
    hint: 'is there a release nosuchrelease? --mirror names another archive',
  });
});

test('an archive that cannot be reached is named, with the reason', { timeout: 120_000 }, async () => {
  const failure: unknown = await fillNew('debian:bookworm', { mirror: 'http://127.0.0.1:9/debian' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'source-failed',
    message: 'mmdebstrap could not install debian:bookworm.',
    hint: 'is there a network? --mirror names another archive, and the variable http_proxy a proxy',
  });
  expect(String((failure as Error).cause)).toMatch(/^Error: E: Failed to fetch http:..127\.0\.0\.1:9\/debian\/dists\/[^;]*$/);
});

test('missing keys are named before anything is fetched', async () => {
  await expect(fillNew('debian:bookworm', { keyring: '/nowhere.gpg' })).rejects.toMatchObject({
    code: 'bad-source',
    message: 'The keyring /nowhere.gpg cannot be read.',
  });
});

test.each([
  ['mmdebstrap', ['mmdebstrap', '--mode=unshare', '--format=directory']],
  ['debootstrap', ['debootstrap']],
])('the command line of %s has what is wanted', (name, start) => {
  const options = { mirror: 'http://mirror/debian', packages: ['a', 'b'], variant: 'buildd', keyring: '/k.gpg' };
  const installer = installers.find((one) => one.name === name);
  expect(installer?.command('trixie', options)).toEqual([
    ...start,
    '--variant=buildd',
    '--include=a,b',
    '--keyring=/tmp/keys.gpg',
    'trixie',
    '/tmp/target',
    'http://mirror/debian',
  ]);
});

test('debootstrap does it where mmdebstrap is missing, with the same files of several users', { timeout: 600_000 }, async () => {
  // A file that nobody can execute, in this test's own mounts.
  const nothing = join(mkdtempSync(join(tmpdir(), 'nothing-')), 'mmdebstrap');
  writeFileSync(nothing, '', { mode: 0o644 });
  execFileSync('mount', ['--bind', nothing, '/usr/bin/mmdebstrap']);
  try {
    const { root } = await fillNew('debian:bookworm', { mirror });
    expect(readdirSync(join(root, 'dev'))).toEqual([]);
    expect(statSync(join(root, 'usr/bin/passwd')).mode & 0o7777).toBe(0o4755);
    expect(statSync(join(root, 'var/mail'))).toMatchObject({ uid: 0, gid: 8 });
    await expect(fillNew('debian:bookworm', { mirror, variant: 'standard' })).rejects.toMatchObject({ code: 'unsupported-option' });
  } finally {
    execFileSync('umount', ['/usr/bin/mmdebstrap']);
  }
});
