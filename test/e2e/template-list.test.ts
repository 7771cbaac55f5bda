import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makePool, type TestPool } from '../rig/zpool.ts';

let pool: TestPool;
let directory: string;
let archive: string;
beforeAll(async () => {
  pool = await makePool();
  directory = mkdtempSync(join(tmpdir(), 'isolate-list-'));
  archive = join(directory, 'root.tar');
  execFileSync('tar', ['-cf', archive, '-C', await busyboxRootfs(join(directory, 'tree')), '.']);
});
afterAll(async () => {
  rmSync('/etc/isolate/config.toml');
  await pool.end();
  rmSync(directory, { recursive: true });
});

/** Of the templates that are listed, those on the pool of this file. */
async function names(): Promise<readonly string[]> {
  const { stdout } = await isolate(['template', 'list', '--json']);
  return (JSON.parse(stdout) as { templates: { name: string }[] }).templates
    .map(({ name }) => name)
    .filter((name) => name.startsWith(pool.name));
}

test('root sees datasets that isolate made as templates and those in the settings, wherever they are', async () => {
  await isolate(['template', 'create', '-q', `${pool.name}/some/where`, '--from', archive]);
  await pool.zfs('create', `${pool.name}/hand`);
  await pool.zfs('create', `${pool.name}/other`);
  writeFileSync('/etc/isolate/config.toml', `[templates."${pool.name}/hand"]\n[templates."${pool.name}/missing"]\n`);
  expect(await names()).toEqual([`${pool.name}/hand`, `${pool.name}/some/where`]);
});

test('clones and drafts of a template are none', async () => {
  await isolate(['refresh', '-q', `${pool.name}/some/where`, '2']);
  await pool.zfs('create', '-o', 'isolate:template=yes', `${pool.name}/x.isolate-new-0123456789abcdef`);
  expect(await names()).toEqual([`${pool.name}/hand`, `${pool.name}/some/where`]);
});

test('a new snapshot of a template with fresh clones is told with the way to have its state at once', async () => {
  const dataset = `${pool.name}/some/where`;
  await isolate(['refresh', '-q', dataset, '1']);
  expect(await isolate(['template', 'snapshot', dataset, 'later'])).toEqual({
    status: 0,
    signal: null,
    stdout: `${dataset}@later keeps the present state\n`,
    stderr: `isolate: fresh clones still have an older state; isolate refresh --force ${dataset} replaces them\n`,
  });
});
