import { chmod, mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { CgroupDirectory } from '../launch/launch.ts';
import type { MountEntry } from '../host/mountinfo.ts';
import { probeOwnGroup } from '../host/probe.ts';
import { readMounts } from '../host/read-mounts.ts';
import { endGroups, type Patience, uncertainBit } from '../pool/claims/end-groups.ts';

const mode = 0o755;

/** Makes all the groups, without limits, or none. It is not certain yet that what comes into them belongs to the run. */
export async function makeDirectories(groups: readonly CgroupDirectory[]): Promise<void> {
  const made: string[] = [];
  try {
    for (const { path } of groups) {
      await mkdir(path, { mode: mode | uncertainBit });
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

/** Those of cgroups stay as they are. */
let mounts: readonly MountEntry[] | null = null;

/**
 * Begins what the next move of a process has to wait for: a grace period of RCU, 7 to 15 ms. Any move begins it, so this
 * process is moved to where it is. Never throws.
 */
export async function hastenMoves(): Promise<void> {
  try {
    mounts ??= readMounts().filter(({ type }) => type.startsWith('cgroup'));
    const own = probeOwnGroup(mounts);
    if (own !== null) await write(join(own, 'cgroup.procs'), String(process.pid));
  } catch {
    // The move then waits itself.
  }
}

/** Marks that what is in them belongs to the run, so that it ends with the run. */
export async function vouchFor(groups: readonly CgroupDirectory[]): Promise<void> {
  for (const { path } of groups) await chmod(path, mode);
}

/** Sets the limits. */
export async function applySettings(groups: readonly CgroupDirectory[]): Promise<void> {
  for (const { path, settings } of groups) for (const { file, value } of settings) await write(join(path, file), value);
}

/** For some seconds, as long as the daemon lives; groups that still have processes then are left to a refresh. */
const patience: Patience = { attempts: 30, ref: false };

/** Removes the groups of a run that is over and kills what is in them. Never throws. */
export async function removeDirectories(groups: readonly CgroupDirectory[]): Promise<void> {
  await endGroups(
    groups.map(({ path }) => path),
    patience,
  );
}

/** As the kernel requires: one write, to an existing file. */
async function write(path: string, value: string): Promise<void> {
  await writeFile(path, value, { flag: 'r+' });
}
