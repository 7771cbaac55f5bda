import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { findHolders, type Held } from '../../src/storage/holders.ts';

/** A mount namespace with half as many mounts as one may have, and processes in it. */
const script = `
mount -t tmpfs none "$1" && mkdir "$1/a" && mount -t tmpfs none "$1/a" || exit 1
for i in $(seq 15); do mkdir "$1/a/$i"; done
for i in $(seq 15); do mount --rbind "$1/a" "$1/a/$i" || exit 1; done
for i in $(seq "$2"); do sleep 600 & done
grep -c . /proc/self/mountinfo
wait
`;

/** What this process has read in all, in bytes. (proc_pid_io(5)) */
const bytesRead = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);

/** Starts processes of a plain user’s and tells how much is read to find who holds one of its mounts. */
async function readWith(processes: number): Promise<number> {
  const place = mkdtempSync(join(tmpdir(), 'isolate-mounts-'));
  const child = spawn('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', place, String(processes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const end = (): boolean => process.kill(-(child.pid ?? 0), 'SIGKILL');
  onTestFinished(() => void (child.exitCode === null && child.signalCode === null && end()));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(Number(line.toString())).toBeGreaterThan(30_000);
  const held: Held = { kind: 'zfs', dataset: 'tank/t_1' };
  const before = bytesRead();
  expect(await Promise.all([findHolders(held), findHolders({ ...held, dataset: 'tank/t_2' })])).toEqual([[], []]);
  const read = bytesRead() - before;
  end();
  await once(child, 'exit');
  // The others of its group have the mounts until they are gone too.
  await expect.poll(() => isThere(-(child.pid ?? 0))).toBe(false);
  return read;
}

/** Whether there is such a process or, for a negative number, one of such a group. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a namespace full of mounts is read once, however many processes are in it', { timeout: 120_000 }, async () => {
  const alone = await readWith(1);
  expect(alone).toBeGreaterThan(1_000_000);
  expect(await readWith(60)).toBeLessThan(1.5 * alone);
});
