import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

test('what a killed send to a file leaves is removed by the next one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'send-'));
  const tree = await busyboxRootfs(join(directory, 'tree'));
  execFileSync('truncate', ['--size=4G', join(tree, 'large')]);
  const to = mkdtempSync(join(tmpdir(), 'sent-'));
  const file = join(to, 'x.template');
  const sending = startIsolate(['template', 'send', '-q', tree, file]);
  await expect.poll(() => readdirSync(to), { timeout: 30_000 }).toHaveLength(1);
  sending.kill('SIGKILL');
  await finished(sending);
  expect(readdirSync(to)).not.toEqual(['x.template']);
  execFileSync('rm', [join(tree, 'large')]);
  expect(await isolate(['template', 'send', '-q', tree, file])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(readdirSync(to)).toEqual(['x.template']);
});
