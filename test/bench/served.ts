import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Daemon, startDaemon } from '../rig/daemon.ts';
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
export async function serveTemplate({ dataset, count }: Ground, size: number): Promise<Served> {
  const limits = '[limits]\nleases = 100000\nleases_per_minute = 100000\n';
  const daemon = await startDaemon(`${limits}[templates."${dataset}"]\ncount = ${size}\n`);
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
