import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

import { callerContext } from '../../../src/template/context.ts';
import { changeTemplate } from '../../../src/template/open-store.ts';
import type { TemplateRef } from '../../../src/template/template-ref.ts';
import { finished, startIsolate } from '../../rig/isolate.ts';
import { busyboxRootfs, copyRootfs } from '../../rig/rootfs.ts';

const worker = join(import.meta.dirname, '../../rig/template-worker.ts');

test('a run keeps the files that it began with when an update is killed after it took effect', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-killed-update-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const store = join(directory, 'store');
  mkdirSync(store, { mode: 0o700 });
  renameSync(await copyRootfs(await busyboxRootfs(), join(directory, 'tree')), join(store, 't'));
  const ref: TemplateRef = { kind: 'directory', path: join(store, 't') };
  const run = startIsolate(['-q', '-t', ref.path, '--ephemeral', 'sh', '-c', 'echo begun; read line; cat /etc/group | wc -l']);
  let output = '';
  run.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await expect.poll(() => output).toBe('begun\n');
  await promisify(execFile)(process.execPath, [worker, JSON.stringify(ref), 'update', 'attempt:exchanged']).catch(() => undefined);
  const sweep = async (): Promise<readonly string[]> => {
    await changeTemplate(ref, await callerContext(), async () => {});
    return readdirSync(store).filter((name) => name.includes('.new-'));
  };
  expect(await sweep()).toHaveLength(1);
  run.stdin?.end('go\n');
  expect(await finished(run)).toMatchObject({ status: 0 });
  expect(output).toMatch(/^begun\n[1-9]/);
  expect(await sweep()).toEqual([]);
});
