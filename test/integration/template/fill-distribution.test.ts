import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { mmdebstrapCommand } from '../../../src/template/fill/distribution.ts';
import { fillNew } from '../../rig/filling.ts';

/** The archive that this host's own packages come from. */
const mirror = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian'], {
  encoding: 'utf8',
})
  .split('\n')[0]!
  .replace(/\/$/, '');

test('a release of Debian is installed, with packages, by steps that are told', { timeout: 600_000 }, async () => {
  const steps: string[] = [];
  const options = { mirror, packages: ['hello'], onStep: (step: string) => void steps.push(step) };
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

test('missing keys are named before anything is fetched', async () => {
  await expect(fillNew('debian:bookworm', { keyring: '/nowhere.gpg' })).rejects.toMatchObject({
    code: 'bad-source',
    message: 'The keyring /nowhere.gpg does not exist.',
  });
});

test('the command line of mmdebstrap has what is wanted', () => {
  const options = { mirror: 'http://mirror/debian', packages: ['a', 'b'], variant: 'buildd', keyring: '/k.gpg' };
  expect(mmdebstrapCommand('/usr/bin/mmdebstrap', { suite: 'trixie' }, options).slice(1)).toEqual([
    '--mode=unshare',
    '--format=directory',
    '--variant=buildd',
    '--include=a,b',
    '--keyring=/k.gpg',
    '--',
    'trixie',
    '/tmp/target',
    'http://mirror/debian',
  ]);
});
