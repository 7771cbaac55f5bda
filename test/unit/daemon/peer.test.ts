import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

import { readPeer, sameMountNamespace } from '../../../src/daemon/peer.ts';
import { readOwnHolder } from '../../../src/pool/holder.ts';

const told = { uid: 1000, gid: 1000, groups: [4], pid: process.pid };

test('a peer of ours holds leases as its process', () => {
  expect(readPeer(told)).toEqual({ ...told, holder: readOwnHolder() });
});

test('a peer that is gone, or that nobody here can see, holds none', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect([readPeer({ ...told, pid: child.pid ?? 0 }).holder, readPeer({ ...told, pid: 0 }).holder]).toEqual([null, null]);
});

test.runIf(process.getuid?.() === 0)('a peer of another pid namespace holds none, and one of other mounts is known', async () => {
  const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount', 'sh', '-c', 'echo; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const [inner = ''] = (await run('pgrep', ['-P', String(child.pid)])).split('\n');
  expect(readPeer({ ...told, pid: Number(inner) }).holder).toBeNull();
  expect([sameMountNamespace({ pid: Number(inner) }), sameMountNamespace(told), sameMountNamespace({ pid: 0 })]).toEqual([
    false,
    true,
    false,
  ]);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

async function run(file: string, args: string[]): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return output;
}
