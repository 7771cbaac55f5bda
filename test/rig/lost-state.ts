import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { readMounts } from '../../src/host/read-mounts.ts';

const directory = '/run/isolate';

/** Removes the state of this boot with all that is mounted there, as a restart of the host does. No daemon may be running. */
export function loseState(): void {
  const mounts = readMounts().map(({ mountpoint }) => mountpoint);
  for (const path of mounts.filter((mountpoint) => mountpoint.startsWith(`${directory}/`)).toReversed()) execFileSync('umount', [path]);
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}
