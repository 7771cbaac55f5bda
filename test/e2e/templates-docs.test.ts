import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { useOwnStore } from '../rig/own-store.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

useOwnStore();

const page = readFileSync(join(import.meta.dirname, '../../docs/templates.md'), 'utf8');
const uid = 4920;
let scratch = '';

/** What goes to a registry or another host, which other tests have. */
const elsewhere = /^isolate template (?:push|pull|send|receive)\b/;

/** The commands of the page, in order. What would be fetched from a mirror or registry comes from an archive instead. */
const commands = [...page.matchAll(/^ {4}(isolate [^\n]*)$/gm)]
  .map(([, line = '']) => line)
  .filter((line) => !elsewhere.test(line))
  .map((line) =>
    line
      .replace(/--from (?:debian|ubuntu|docker|oci|oci-archive|docker-archive):\S+/, '--from backup.tar.zst')
      .replace(/ --packages \S+/, ''),
  );

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'isolate-templates-docs-'));
  chmodSync(scratch, 0o755);
  const tree = await busyboxRootfs(join(scratch, 'tree'));
  writeFileSync(join(tree, 'etc/os-release'), 'ID=debian\n');
  writeFileSync(join(tree, 'bin/bash'), '#!/bin/sh\nexec sh "$@"\n', { mode: 0o755 });
  writeFileSync(join(tree, 'usr/bin/apt-get'), '#!/bin/sh\necho "$@" >> /etc/installed\n', { mode: 0o755 });
  execFileSync('tar', ['--zstd', '-cf', join(scratch, 'backup.tar.zst'), '-C', tree, '.']);
});
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

test.each([
  ['root', 0],
  ['a plain user', uid],
])('the commands of docs/templates.md work as written for %s', { timeout: 120_000 }, async (_, user) => {
  const home = join(scratch, String(user));
  mkdirSync(home, { mode: 0o700 });
  execFileSync('cp', [join(scratch, 'backup.tar.zst'), home]);
  execFileSync('chown', ['-R', `${user}:${user}`, home]);
  if (user !== 0) await addPlainUser(home, user);
  const env = { PATH: `${dirname(isolatePath)}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: home };
  expect(commands.length).toBeGreaterThan(10);
  for (const line of commands) {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', line], {
      cwd: home,
      env,
      uid: user,
      gid: user,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ line, status, stderr: status === 0 ? '' : stderr }).toEqual({ line, status: 0, stderr: '' });
  }
});
