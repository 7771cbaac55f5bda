import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readMounts } from '../../src/host/read-mounts.ts';

const directory = '/run/isolate';
const patienceMs = 20_000;

/** Removes the state of this boot with all that is mounted there, as a restart of the host does. No daemon may be running. */
export async function loseState(): Promise<void> {
  const mounts = readMounts().map(({ mountpoint }) => mountpoint);
  for (const path of mounts.filter((mountpoint) => mountpoint.startsWith(`${directory}/`)).toReversed()) await unmount(path);
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}

/** Somebody may still be there for a moment after the end of the daemon or of a run. */
async function unmount(path: string): Promise<void> {
  for (const endMs = performance.now() + patienceMs; ; await sleep(50)) {
    try {
      execFileSync('umount', [path], { stdio: 'pipe' });
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}
