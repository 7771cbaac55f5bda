import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { IsolateError, templates } from '../../../src/index.ts';
import { startRegistry } from '../../rig/registry.ts';
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

test('a program sends a template to a file and to a stream, and receives both', async () => {
  await templates.create(template, { from: archive });
  const file = join(directory, 'sent');
  const told: number[] = [];
  const sent = await templates.send(template, file, { onProgress: ({ bytes }) => told.push(bytes) });
  expect(sent).toEqual({ name: template, label: null, carried: { kind: 'tar' }, bytes: expect.any(Number) as number });
  expect(await templates.receive(join(directory, 'own/from-file'), file)).toEqual(sent);
  const between = new PassThrough();
  const received = templates.receive(join(directory, 'own/from-stream'), between);
  expect(await templates.send(template, between, { tar: true })).toEqual({ ...sent, bytes: (await received).bytes });
  const { record } = await templates.describe(template);
  for (const name of ['own/from-file', 'own/from-stream']) {
    expect((await templates.describe(join(directory, name))).record).toEqual(record);
  }
  expect(await templates.abortReceive(template)).toBe(false);
  const codes = [
    await codeOf(templates.send(template, '-')),
    await codeOf(templates.send(template, join(directory, 'missing/x'))),
    await codeOf(templates.receive(template, file)),
    await codeOf(templates.receive(join(directory, 'own/x'), join(directory, 'missing'))),
    await codeOf(templates.receive(join(directory, 'own/x'), file, { maxSize: 'big' })),
  ];
  expect(codes).toEqual(['usage', 'output-failed', 'template-exists', 'bad-source', 'usage']);
});

test('a program ends a transfer that it began', async () => {
  const stop = new AbortController();
  const reason = new IsolateError('aborted', 'Enough.');
  const received = templates.receive(join(directory, 'own/never'), new PassThrough(), { signal: stop.signal });
  stop.abort(reason);
  await expect(received).rejects.toBe(reason);
  const blocked = new PassThrough({ highWaterMark: 1 });
  const ending = new AbortController();
  const sending = templates.send(template, blocked, { signal: ending.signal });
  await once(blocked, 'readable');
  ending.abort(reason);
  await expect(sending).rejects.toBe(reason);
  expect([blocked.destroyed, readdirSync(join(directory, 'own')).includes('never')]).toEqual([true, false]);
});

test('a program pushes a template and pulls it again', async () => {
  const registry = await startRegistry();
  onTestFinished(registry.end);
  const image = `docker://${registry.address}/team/one:1`;
  const steps: string[] = [];
  const pushed = await templates.push(template, image, { insecure: true, compress: 'zstd', onStep: (step) => steps.push(step) });
  expect([pushed, steps[0]]).toEqual([{ digest: expect.any(String) as string, size: expect.any(Number) as number }, `packing ${template}`]);
  const pulled = join(directory, 'own/pulled');
  expect((await templates.pull(pulled, image, { insecure: true })).kind).toBe('made');
  expect(await templates.pull(pulled, image, { insecure: true })).toEqual({ kind: 'same', digest: pushed.digest });
  const codes = [
    await codeOf(templates.push(template, 'nowhere')),
    await codeOf(templates.push(template, `oci:${directory}/layout`, { insecure: true })),
    await codeOf(templates.pull(pulled, 'nowhere')),
  ];
  expect(codes).toEqual(['usage', 'usage', 'usage']);
});
