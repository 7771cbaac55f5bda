import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { killSend } from '../rig/kill-send.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

test('what a killed send to a file leaves is removed by the next one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'send-'));
  const tree = await busyboxRootfs(join(directory, 'tree'));
  // Blocks, not a hole: to send them takes a while.
  execFileSync('dd', ['if=/dev/zero', `of=${join(tree, 'large')}`, 'bs=1M', 'count=700'], { stdio: 'ignore' });
  const to = mkdtempSync(join(tmpdir(), 'sent-'));
  const file = join(to, 'x.template');
  await killSend(tree, file);
  expect(readdirSync(to)).not.toEqual(['x.template']);
  execFileSync('rm', [join(tree, 'large')]);
  expect(await isolate(['template', 'send', '-q', tree, file])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(readdirSync(to)).toEqual(['x.template']);
});
