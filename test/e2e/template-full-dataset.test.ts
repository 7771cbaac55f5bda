import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { fillUp } from '../rig/small-disk.ts';
import { makePool, type TestPool } from '../rig/zpool.ts';

let pool: TestPool;
let source: string;
beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), 'full-dataset-'));
  const tree = await copyRootfs(await busyboxRootfs(), join(source, 'root'));
  writeFileSync(join(tree, 'etc/os-release'), 'ID=debian\n');
  writeFileSync(join(tree, 'usr/apt-get'), '#!/bin/sh\necho half > /etc/group\nexec cat /dev/zero > /filler\n', { mode: 0o755 });
  symlinkSync('/usr/apt-get', join(tree, 'bin/apt-get'));
  pool = await makePool(64 * 1024 * 1024);
}, 300_000);
afterAll(async () => {
  await pool.end();
  rmSync(source, { recursive: true });
});

async function template(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await isolate(['template', ...words]);
  return `${status} ${stdout}${stderr}`.replaceAll(pool.name, 'POOL').replaceAll(source, 'SOURCE');
}

const names = async (): Promise<string> => await pool.zfs('list', '-H', '-t', 'all', '-o', 'name,mounted', '-r', pool.name);

/** Until nothing can even be set: what was freed comes back some time later. */
async function fillPool(): Promise<void> {
  const setting = (): Promise<string> => pool.zfs('set', 'test:full=no', pool.name).catch((error: unknown) => String(error));
  await expect
    .poll(
      () => {
        fillUp(join(pool.directory, 'pool/.filler'));
        execFileSync('sync');
        return setting();
      },
      { timeout: 30_000, interval: 500 },
    )
    .toContain('out of space');
}

test('an update that fills the pool is undone', async () => {
  const name = `${pool.name}/updated`;
  expect(await template('create', '-q', name, '--from', join(source, 'root'), '--label', 'one')).toBe('0 ');
  const before = await names();
  expect((await template('update', '-q', name)).split('\n').at(-2)).toBe(
    'isolate: The template POOL/updated is as before, because apt-get update exited with 1.',
  );
  await pool.zfs('set', 'canmount=on', name);
  await pool.zfs('mount', name);
  const mounted = join(pool.directory, 'pool/updated');
  expect([
    existsSync(join(mounted, 'filler')),
    readFileSync(join(mounted, 'etc/group'), 'utf8'),
    (await names()).replace('updated\tyes', 'updated\tno'),
  ]).toEqual([false, readFileSync(join(source, 'root/etc/group'), 'utf8'), before]);
  expect(await template('remove', '-q', name)).toBe('0 ');
});

test('no verb leaves or loses anything in a full pool, and what is removed makes space', { timeout: 120_000 }, async () => {
  const name = `${pool.name}/x`;
  expect(await template('create', '-q', name, '--from', join(source, 'root'), '--label', 'one')).toBe('0 ');
  await pool.zfs('set', 'canmount=on', name);
  await pool.zfs('mount', name);
  appendFileSync(join(pool.directory, 'pool/x/etc/hosts'), 'changed\n');
  expect(await template('snapshot', '-q', name, 'two')).toBe('0 ');
  appendFileSync(join(pool.directory, 'pool/x/etc/hosts'), 'changed again\n');
  expect(await template('send', '-q', name, join(source, 'sent'))).toBe('0 ');
  await fillPool();
  const before = await names();
  const full = (object: string): string =>
    `1 isolate: The pool POOL has no space left for POOL/${object}.\nhint: destroy what is not needed, or add a device\n`;
  expect([
    await template('create', `${pool.name}/y`, '--from', join(source, 'root')),
    await template('receive', `${pool.name}/y`, join(source, 'sent')),
    await template('update', name),
    await template('snapshot', name),
    await template('rollback', name, 'one'),
    await template('rename', name, 'y'),
    await names(),
    execFileSync('tail', ['-n', '2', join(pool.directory, 'pool/x/etc/hosts')], { encoding: 'utf8' }),
  ]).toEqual([full('y'), full('y'), full('x'), full('x'), full('x'), full('x'), before, 'changed\nchanged again\n']);
  expect([await template('remove', name), await names()]).toEqual([
    '0 POOL/x is removed\n',
    before
      .split('\n')
      .filter((line) => !line.includes('/x'))
      .join('\n'),
  ]);
});
