import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const execFileAsync = promisify(execFile);
let tree = '';

beforeAll(async () => {
  tree = await busyboxRootfs();
});

test.each([
  ['snapshot', ['x']],
  ['rollback', ['first']],
  ['update', []],
] as const)('template %s on a full disk says so, changes nothing and leaves nothing', { timeout: 60_000 }, async (verb, rest) => {
  const small = await mkdtemp(join(tmpdir(), 'isolate-full-'));
  await execFileAsync('mount', ['-t', 'tmpfs', '-o', 'size=6M,mode=0700', 'tmpfs', small]);
  onTestFinished(() => void execFileAsync('umount', [small]));
  const box = join(small, 'box');
  await execFileAsync('cp', ['-a', tree, box]);
  await writeFile(join(box, 'etc/os-release'), 'ID=debian\n');
  await isolate(['template', 'snapshot', box, 'first']);
  await writeFile(join(box, 'etc/new'), Buffer.alloc(1_500_000));
  const before = (await readdir(small)).toSorted();
  const { status, stderr } = await isolate(['template', verb, box, ...rest]);
  expect([status, stderr.includes('No space left on device')]).toEqual([1, true]);
  expect([(await readdir(small)).toSorted(), (await readFile(join(box, 'etc/new'))).length]).toEqual([before, 1_500_000]);
});
