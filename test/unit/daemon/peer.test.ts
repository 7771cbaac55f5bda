import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { readPeer, sameMountNamespace } from '../../../src/daemon/peer.ts';
import { parseProcStat, readOwnHolder } from '../../../src/pool/holder.ts';

const told = { uid: 1000, gid: 1000, rights: 'user' as const, groups: [4], pid: process.pid };
const { startTime } = readOwnHolder();

test('a peer of ours holds leases as its process', () => {
  expect(readPeer({ ...told, startTime })).toEqual({ ...told, holder: readOwnHolder() });
});

test('a peer that has ended holds none, whoever has its number now, and one that nobody here can see is elsewhere', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  const pid = child.pid ?? 0;
  const none = (peer: Parameters<typeof readPeer>[0]): unknown[] => {
    const { holder, absence } = readPeer(peer);
    return [holder, absence];
  };
  expect({
    gone: none({ ...told, pid, startTime: '1' }),
    goneBefore: none({ ...told, pid, startTime: null }),
    reused: none({ ...told, startTime: String(BigInt(startTime) - 1n) }),
    unseen: none({ ...told, pid: 0, startTime: null }),
  }).toEqual({ gone: [null, 'ended'], goneBefore: [null, 'ended'], reused: [null, 'ended'], unseen: [null, 'elsewhere'] });
});

test.runIf(process.getuid?.() === 0)('a peer of another pid namespace holds none, and one of other mounts is known', async () => {
  const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount', 'sh', '-c', 'echo; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const [inner = ''] = (await run('pgrep', ['-P', String(child.pid)])).split('\n');
  const pid = Number(inner);
  const started = parseProcStat(readFileSync(`/proc/${inner}/stat`, 'latin1'))?.startTime ?? null;
  expect(readPeer({ ...told, pid, startTime: started })).toEqual({ ...told, pid, holder: null, absence: 'elsewhere' });
  expect({
    inner: sameMountNamespace({ pid }),
    own: sameMountNamespace(told),
    none: sameMountNamespace({ pid: 0 }),
  }).toEqual({ inner: false, own: true, none: false });
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
