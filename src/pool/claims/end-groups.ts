import { readFileSync } from 'node:fs';
import { lstat, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** How long to keep trying if processes do not end at once. */
export interface Patience {
  readonly attempts: number;
  /** Whether the pauses keep this process alive. */
  readonly ref: boolean;
}

/** The sticky bit of a group means that it may contain a process that is not of its run, so nothing in it is killed. */
export const uncertainBit = 0o1000;

const firstPauseMs = 10;
const longestPauseMs = 200;
/** How many processes are killed before others get their turn. */
const killsAtOnce = 64;

/**
 * Kills everything in these cgroups of ended runs and in those below them, and removes them. Never throws; a group whose processes do not
 * end within the patience stays.
 */
export async function endGroups(paths: readonly string[], { attempts, ref }: Patience): Promise<void> {
  let left = paths;
  for (let attempt = 1; ; attempt += 1) {
    const removed = await Promise.all(left.map(removeGroup));
    left = left.filter((_, index) => removed[index] !== true);
    if (left.length === 0) return;
    for (const path of left) await killAll(path).catch(() => undefined);
    if (attempt >= attempts) return;
    await sleep(Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs), undefined, { ref });
  }
}

/**
 * Removes a group with those below it, which engines make; false: something is left. rmdir(2) removes a cgroup without
 * processes whatever files it shows.
 */
export async function removeGroup(path: string): Promise<boolean> {
  try {
    for (const below of await listBelow(path)) await removeGroup(below);
    await rmdir(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

async function killAll(top: string): Promise<void> {
  if (((await lstat(top)).mode & uncertainBit) !== 0) return;
  // Missing in kernels before 5.14 and in cgroup v1.
  if (await write(join(top, 'cgroup.kill'), '1')) return;
  await killEach(top, basename(top));
}

async function killEach(path: string, name: string): Promise<void> {
  // Processes that are killed one by one must not multiply during that time.
  await write(join(path, 'pids.max'), '0');
  const pids = (await readFile(join(path, 'cgroup.procs'), 'latin1')).split('\n').map(Number);
  for (const [index, pid] of pids.entries()) {
    if (index % killsAtOnce === killsAtOnce - 1) await nextTurn();
    killMember(pid, name);
  }
  for (const below of await listBelow(path)) await killEach(below, name);
}

/** The process may have ended, and its pid may now be another's. 0 is a process that this pid namespace does not show. */
function killMember(pid: number, name: string): void {
  if (pid <= 1) return;
  try {
    const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
    if (groups.some((line) => line.split('/').includes(name))) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

async function listBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

/** False: the file does not exist, or the kernel refuses. */
async function write(path: string, text: string): Promise<boolean> {
  return await writeFile(path, text, { flag: 'r+' }).then(
    () => true,
    () => false,
  );
}
