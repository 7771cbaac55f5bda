import { setTimeout as sleep } from 'node:timers/promises';

import { runCommand } from './command.ts';

/** Between tries of what waits for an unmount: zfs-fuse ends one some time after it answered, most within the first of these. */
export const pausesMs = [25, 50, 100, 200, 400, 800, 1600, 3200];

const timeoutMs = 30_000;

/**
 * Unmounts, neither lazily nor by force. Tries again for a moment while a process looks at what is mounted, and where umount(8) was killed.
 * The answer is what it says in the end; null: nothing is mounted there any more.
 */
export async function unmount(path: string): Promise<string | null> {
  let failure = await tryUnmount(path);
  for (const pauseMs of pausesMs) {
    if (failure === null || !/(?:busy|killed)\.$/.test(failure)) break;
    await sleep(pauseMs);
    failure = await tryUnmount(path);
  }
  return failure;
}

/** The same, once. */
export async function tryUnmount(path: string): Promise<string | null> {
  const { exitCode, stderr } = await runCommand({ file: '/bin/umount', args: ['--', path], timeoutMs });
  // 128 + N: signal N ended it.
  if (exitCode > 128) return 'umount was killed.';
  if (exitCode === 0 || /not mounted|no mount point/.test(stderr)) return null;
  return stderr.trim().replace(/^umount: /, '');
}
