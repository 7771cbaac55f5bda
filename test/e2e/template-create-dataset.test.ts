import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { hostStore, useOwnStore } from '../rig/own-store.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { makePool, type TestPool } from '../rig/zpool.ts';

useOwnStore();

let pool: TestPool;
let archive: string;

beforeAll(async () => {
  pool = await makePool();
  const directory = mkdtempSync(join(tmpdir(), 'create-'));
  const tree = await copyRootfs(await busyboxRootfs(), join(directory, 'tree'));
  execFileSync('chown', ['1000:1000', join(tree, 'home')]);
  archive = join(directory, 'root.tar.gz');
  execFileSync('tar', ['-czf', archive, '-C', tree, '.']);
});
afterAll(async () => {
  await pool.end();
});

test('a dataset becomes a template whose clones have its owners', { timeout: 120_000 }, async () => {
  const dataset = `${pool.name}/busybox`;
  const created = await isolate(['template', 'create', '-q', dataset, '--from', archive, '--label', 'first']);
  expect(created).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(await pool.zfs('list', '-H', '-t', 'all', '-o', 'name', '-r', dataset)).toBe(`${dataset}\n${dataset}@first\n`);
  const run = await isolate(['-q', '-z', dataset, 'stat', '-c', '%u:%g', '/', '/home', '/.isolate/template.json']);
  expect(run).toEqual({ status: 0, signal: null, stdout: '0:0\n1000:1000\n0:0\n', stderr: '' });
  // Nothing but the chroot engine can change the host's files there, which is the one thing to warn of.
  const { stderr } = await isolate(['template', 'exec', dataset, 'true']);
  expect(stderr.split('\n').filter((line) => line.includes('warning'))).toEqual([
    "isolate: warning: The chroot engine isolates nothing: the command has the rights of this host's root.",
  ]);
  const failed = await isolate(['template', 'create', `${pool.name}/bad`, '--from', join(import.meta.dirname, 'template-create.test.ts')]);
  expect(failed).toMatchObject({ status: 1 });
  expect(await pool.zfs('list', '-H', '-o', 'name', '-r', pool.name)).not.toMatch(/bad|new/);
  expect(readdirSync(hostStore)).toEqual([]);
});
