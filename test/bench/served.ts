import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { endDaemon, serveMembers } from '../rig/member-daemon.ts';
import type { Member } from '../rig/members.ts';
import { copyRootfs } from '../rig/rootfs.ts';
import type { Ground } from './ground.ts';

/** A pool must be full within this time. */
const fullMs = 300_000;

export interface Served {
  readonly daemon: Daemon;
  /** Waits until all clones are fresh and no refresh has anything to do. */
  readonly full: () => Promise<void>;
  readonly end: () => Promise<void>;
}

/** The daemon on the template of the ground, with a pool of a size that is full. */
export async function serveTemplate({ dataset }: Ground, size: number): Promise<Served> {
  return await serveDataset(dataset, size);
}

/** The same on another dataset, for root and these users. */
export async function serveDataset(dataset: string, size: number, users: readonly Member[] = []): Promise<Served> {
  const access = users.length === 0 ? '' : `users = [${users.map(({ uid }) => uid).join(', ')}]\n`;
  return await servePool(await startDaemon(settingsOf(dataset, size) + access), dataset, size);
}

/**
 * The daemon on copies of the directory of the ground, which can be mounted with other ids, as clones of zfs-fuse cannot, so
 * that a user need not wait until the files of a clone have changed their owners.
 */
export async function serveCopies(
  { directory, scratch }: Ground,
  size: number,
  user: Member,
): Promise<Served & { readonly template: string }> {
  const place = join(scratch, 'served');
  for (const name of ['clones', 'snapshots/1']) mkdirSync(join(place, 'copies', name), { recursive: true });
  await copyRootfs(directory, join(place, 'copies/root'));
  const template = 'tank/copies';
  await writeConfig(`${settingsOf(template, size)}users = [${user.uid}]\n`);
  const child = await serveMembers(place, { runs: true });
  return { template, ...(await servePool({ process: child, log: () => '', end: () => endDaemon(child) }, template, size)) };
}

function settingsOf(template: string, size: number): string {
  return `[limits]\nleases = 100000\nleases_per_minute = 100000\n[templates."${template}"]\ncount = ${size}\n`;
}

async function servePool(daemon: Daemon, template: string, size: number): Promise<Served> {
  const paths = poolPaths(runtimePaths(systemRuntimeDirectory), template);
  const count = (state: 'fresh' | 'leased' | 'retired'): number => readDirectory(paths[state]).length;
  const full = async (): Promise<void> => {
    const endMs = performance.now() + fullMs;
    while (count('fresh') < size || count('leased') + count('retired') > 0) {
      if (performance.now() > endMs) throw new Error(`The pool did not get full within ${fullMs / 1000} s.\n${daemon.log()}`);
      await sleep(5);
    }
  };
  await full();
  return { daemon, full, end: () => daemon.end() };
}

/** Tells the processor time that the daemon's processes have had, in milliseconds; not that of commands they start. */
export async function daemonClock(daemon: Daemon): Promise<() => number> {
  const pids = (await processesOf(daemon)).filter(({ name }) => name.startsWith('isolate')).map(({ pid }) => pid);
  return () => pids.reduce((sum, pid) => sum + readProcessorMs(pid), 0);
}

/** As the scheduler counts it: stat has whole ticks only. */
function readProcessorMs(pid: number): number {
  const directory = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(directory).map((thread) =>
    Number(readFileSync(`${directory}/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** The daemon's processes, itself first: it is their parent, and theirs. */
export async function processesOf({ process: { pid } }: Daemon): Promise<{ pid: number; name: string }[]> {
  const all = [pid!];
  for (const parent of all) all.push(...readChildren(parent));
  return all.map((one) => ({ pid: one, name: readFileSync(`/proc/${one}/comm`, 'utf8').trim() }));
}

function readChildren(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').flatMap((word) => (word === '' ? [] : [Number(word)]));
}
