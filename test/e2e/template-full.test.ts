import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { mountSmallDisk, type SmallDisk } from '../rig/small-disk.ts';

let source: string;
beforeEach(async () => {
  source = mkdtempSync(join(tmpdir(), 'full-source-'));
  const tree = await copyRootfs(await busyboxRootfs(), join(source, 'root'));
  writeFileSync(join(tree, 'etc/os-release'), 'ID=debian\n');
  writeFileSync(join(tree, 'usr/apt-get'), '#!/bin/sh\nexec head -c 100000 /dev/zero >> /etc/upgraded\n', { mode: 0o755 });
  execFileSync('ln', ['-sf', '/usr/apt-get', join(tree, 'bin/apt-get')]);
  execFileSync('tar', ['-cf', join(source, 'root.tar'), '-C', tree, '.']);
});
afterEach(() => rmSync(source, { recursive: true }));

/** A disk with the template `x`, which has changed since its snapshot `one`. */
async function prepare(type: 'tmpfs' | 'ext4'): Promise<SmallDisk> {
  const disk = mountSmallDisk(type, '16M');
  onTestFinished(disk.end);
  const x = join(disk.path, 'x');
  expect(await isolate(['template', 'create', '-q', x, '--from', join(source, 'root.tar'), '--label', 'one'])).toMatchObject({ status: 0 });
  appendFileSync(join(x, 'etc/hosts'), 'changed\n');
  return disk;
}

/** What `isolate template` answers, with short names. */
async function template(disk: SmallDisk, verb: string): Promise<string> {
  const words = verb.split(' ').map((word) => word.replace('DISK', disk.path).replace('SOURCE', source));
  const { status, stdout, stderr } = await isolate(['template', ...words]);
  return `${status} ${stdout}${stderr}`.replaceAll(disk.path, 'DISK').replaceAll(source, 'SOURCE');
}

/** Of all files on a disk but the filler. */
function digestOf({ path }: SmallDisk): string {
  const script = `find . -mindepth 1 ! -name .filler -printf '%p %m %U %G %s %l %T@\\n' | sort; find . -type f ! -name .filler -print0 | sort -z | xargs -0 sha256sum`;
  return execFileSync('sh', ['-c', script], { cwd: path, encoding: 'utf8' });
}

const full = (what: string): string => `1 isolate: ${what}: there is too little space left in DISK.\nhint: free some space there\n`;

test('no verb leaves or loses anything on a full disk, and each says what is full', { timeout: 120_000 }, async () => {
  const disk = await prepare('tmpfs');
  await template(disk, 'send -q DISK/x SOURCE/sent');
  await template(disk, 'push -q DISK/x oci-archive:SOURCE/image.tar');
  disk.fill();
  const before = digestOf(disk);
  const said: Record<string, string> = {
    'create DISK/y --from SOURCE/root': full('SOURCE/root cannot be unpacked'),
    'create DISK/y --from SOURCE/root.tar': full('SOURCE/root.tar cannot be unpacked'),
    'create DISK/y --from oci-archive:SOURCE/image.tar':
      '1 isolate: SOURCE/image.tar unpacks to more than 0 bytes, nine tenths of what is free in DISK.\nhint: free some space there\n',
    'receive DISK/y SOURCE/sent': full('SOURCE/sent cannot be unpacked'),
    'update DISK/x': full('DISK/x cannot be copied'),
    'snapshot DISK/x two': full('DISK/x cannot be copied'),
    'rollback DISK/x one': full('DISK/x@one cannot be copied'),
    'push -q DISK/x oci:DISK/layout': full('The image cannot be written'),
    'push -q DISK/x oci-archive:DISK/image.tar': full('The image cannot be written'),
    'send DISK/x DISK/sent': '1 isolate: Could not write to DISK/sent.\nbecause: no space left on device\n',
  };
  const answers: Record<string, string> = {};
  for (const verb of Object.keys(said)) answers[verb] = await template(disk, verb);
  expect([answers, digestOf(disk)]).toEqual([said, before]);
  disk.free();
  const after: string[] = [];
  for (const verb of Object.keys(said)) {
    after.push((await template(disk, verb)).slice(0, 2));
    rmSync(join(disk.path, 'y'), { recursive: true, force: true });
  }
  expect(after).toEqual(Object.keys(said).map(() => '0 '));
});

test('renaming and removing need no space', async () => {
  const disk = await prepare('ext4');
  disk.fill();
  expect(() => mkdirSync(join(disk.path, 'directory'))).toThrow('ENOSPC');
  expect([await template(disk, 'rename DISK/x DISK/y'), await template(disk, 'remove DISK/y'), readdirSync(disk.path)]).toEqual([
    '0 DISK/x is DISK/y now\n',
    '0 DISK/y is removed\n',
    ['.filler'],
  ]);
});

test('what exec changed is told also when it cannot be kept', async () => {
  const disk = await prepare('tmpfs');
  disk.fill();
  expect(await template(disk, 'exec --snapshot DISK/x mkdir /etc/new')).toBe(
    `125 isolate: files in DISK/x: 2 added\n  + /etc/new\n  + /etc/resolv.conf\n${full('DISK/x cannot be copied').slice(2)}`,
  );
});
