import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate } from '../rig/zfs-template.ts';
import type { TestPool } from '../rig/zpool.ts';
import { makeStopwatch, type Stopwatch } from './stopwatch.ts';

/** Nothing keeps a clone busy for as long as this. */
const busyMs = 10_000;

/** Where the parts of the benchmark measure. */
export interface Ground {
  readonly stopwatch: Stopwatch;
  readonly pool: TestPool;
  /** A dataset with aligned ownership. */
  readonly dataset: string;
  /** A directory with the same files, of root. */
  readonly directory: string;
  /** A mounted clone of the dataset that is in no pool. */
  readonly clone: string;
  /** Makes a clone that is in no pool and that nothing ran on before, and returns where it is; the one before is destroyed. */
  readonly renewClone: () => Promise<string>;
  /** Copies the directory, and returns where the copy is; the one before is removed. */
  readonly renewCopy: () => Promise<string>;
  /** For files of the benchmark; nobody else can enter it. */
  readonly scratch: string;
  /** Brings the pool of the dataset to a size; not timed. */
  readonly fill: (count: number) => Promise<void>;
  /** How many clones of the dataset are in a state. */
  readonly count: (state: 'fresh' | 'leased' | 'retired') => number;
  readonly end: () => Promise<void>;
}

/** A throw-away pool of zfs-fuse with a template; only inside test/rig/enter. */
export async function makeGround(): Promise<Ground> {
  const template = await makeZfsTemplate({ aligned: true });
  const { dataset } = template;
  // Reached by nobody else, or isolate would not let changes to it stay.
  const scratch = mkdtempSync(join(tmpdir(), 'isolate-bench-'));
  await template.pool.zfs('clone', `${dataset}@first`, `${dataset}-bench`);
  const paths = poolPaths(runtimePaths(systemRuntimeDirectory), dataset);
  let clones = 0;
  let copies = 0;
  const directory = await busyboxRootfs(join(scratch, 'template'));
  return {
    stopwatch: await makeStopwatch(process.env),
    pool: template.pool,
    dataset,
    directory,
    clone: `${template.directory}-bench`,
    renewClone: async () => {
      if (clones > 0) await destroyLeft(() => template.pool.zfs('destroy', `${dataset}-bench-${clones}`));
      clones += 1;
      await template.pool.zfs('clone', `${dataset}@first`, `${dataset}-bench-${clones}`);
      return `${template.directory}-bench-${clones}`;
    },
    renewCopy: async () => {
      rmSync(join(scratch, `copy-${copies}`), { recursive: true, force: true });
      copies += 1;
      return await copyRootfs(directory, join(scratch, `copy-${copies}`));
    },
    scratch,
    fill: async (count) => {
      const { status, stderr } = await isolate(count === 0 ? ['-q', '-f', '-s', '-r', dataset] : ['refresh', '-q', dataset, String(count)]);
      if (status !== 0) throw new Error(stderr);
    },
    count: (state) => readDirectory(paths[state]).length,
    end: async () => {
      await template.pool.end();
      rmSync(scratch, { recursive: true });
    },
  };
}

/** The mount namespace of a run that has ended goes a moment later, and keeps the clone busy until then. */
async function destroyLeft(destroy: () => Promise<string>): Promise<void> {
  const endMs = performance.now() + busyMs;
  for (;;) {
    try {
      await destroy();
      return;
    } catch (error) {
      if (!String(error).includes('busy') || performance.now() > endMs) throw error;
      await sleep(10);
    }
  }
}
