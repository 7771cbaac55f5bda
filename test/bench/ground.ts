import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate } from '../rig/zfs-template.ts';
import { makeStopwatch, type Stopwatch } from './stopwatch.ts';

/** Where the parts of the benchmark measure. */
export interface Ground {
  readonly stopwatch: Stopwatch;
  /** A dataset with aligned ownership. */
  readonly dataset: string;
  /** A directory with the same files, of root. */
  readonly directory: string;
  /** A mounted clone of the dataset that is in no pool. */
  readonly clone: string;
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
  return {
    stopwatch: await makeStopwatch(process.env),
    dataset,
    directory: await busyboxRootfs(join(scratch, 'template')),
    clone: `${template.directory}-bench`,
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
