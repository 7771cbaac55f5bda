import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { IsolateError, templates } from '../../../src/index.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';

let directory: string;
let archive: string;
let template: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-library-'));
  archive = join(directory, 'root.tar');
  execFileSync('tar', ['-cf', archive, '-C', await busyboxRootfs(join(directory, 'tree')), '.']);
  mkdirSync(join(directory, 'own'), { mode: 0o700 });
  template = join(directory, 'own/busybox');
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => 'done',
    (error: unknown) => (error instanceof IsolateError ? error.code : String(error)),
  );
}

test('a program makes, describes, keeps, renames and removes a template', async () => {
  const { record } = await templates.create(template, { from: archive, label: 'first' });
  expect(record).toMatchObject({ version: 1, source: archive, defaults: {} });
  const described = await templates.describe(template);
  expect(described).toEqual({
    name: template,
    location: template,
    storage: 'directory',
    createdMs: expect.any(Number),
    sizeBytes: expect.any(Number),
    snapshots: [{ label: 'first', createdMs: expect.any(Number) }],
    clones: { fresh: 0, leased: 0, retired: 0 },
    record,
  });
  expect((await templates.snapshot(template, 'second')).label).toBe('second');
  expect(await templates.rollback(template, 'first')).toEqual({ kept: null });
  const renamed = join(directory, 'own/other');
  expect(await templates.rename(template, 'other')).toBe(renamed);
  await templates.remove(renamed);
  expect(await codeOf(templates.describe(renamed))).toBe('template-missing');
});

test('a request that cannot be right has its own error, and makes nothing', async () => {
  const codes = [
    await codeOf(templates.create(template, { from: archive, mirror: 'http://localhost/debian' })),
    await codeOf(templates.create(template, { from: archive, insecure: true })),
    await codeOf(templates.create(template, { from: archive, maxSize: 'big' })),
    await codeOf(templates.create(template, { from: archive, label: 'isolate-x' })),
    await codeOf(templates.create(template, { from: join(directory, 'missing.tar') })),
    await codeOf(templates.snapshot(template)),
  ];
  expect(codes).toEqual(['usage', 'usage', 'usage', 'bad-name', 'bad-source', 'template-missing']);
});
