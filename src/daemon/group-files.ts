import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { CgroupDirectory } from '../engine/launch.ts';

/** Makes the groups, without limits, or none of them. */
export async function makeDirectories(groups: readonly CgroupDirectory[]): Promise<void> {
  const made: string[] = [];
  try {
    for (const { path } of groups) {
      await mkdir(path, { mode: 0o755 });
      made.push(path);
    }
  } catch (error) {
    for (const path of made) await rmdir(path).catch(() => undefined);
    throw error;
  }
}

/** Moves a process into each of the groups. */
export async function moveInto(groups: readonly CgroupDirectory[], pid: number): Promise<void> {
  for (const { path } of groups) await write(join(path, 'cgroup.procs'), String(pid));
}

/** Sets the limits. */
export async function applySettings(groups: readonly CgroupDirectory[]): Promise<void> {
  for (const { path, settings } of groups) for (const { file, value } of settings) await write(join(path, file), value);
}

/** The first pause, and how often it is doubled: about two seconds in all. */
const firstPauseMs = 10;
const attempts = 9;

/** Removes the groups as soon as their processes have ended; what has some for longer is left to a refresh. Never throws. */
export async function removeDirectories(groups: readonly CgroupDirectory[]): Promise<void> {
  let left = groups.map(({ path }) => path);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const busy: string[] = [];
    for (const path of left) {
      const code = await rmdir(path).then(
        () => 'ENOENT',
        (error: unknown) => (error as NodeJS.ErrnoException).code,
      );
      if (code !== 'ENOENT') busy.push(path);
    }
    left = busy;
    if (left.length === 0) return;
    await sleep(firstPauseMs * 2 ** attempt, undefined, { ref: false });
  }
}

/** As the kernel takes it: one write, to a file that is there. */
async function write(path: string, value: string): Promise<void> {
  await writeFile(path, value, { flag: 'r+' });
}
