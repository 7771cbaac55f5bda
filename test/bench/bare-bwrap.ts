import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Launch } from '../../src/launch/launch.ts';
import { plan } from '../../src/index.ts';
import type { Candidate } from './stopwatch.ts';

/** What isolate has bubblewrap do, done by a bubblewrap that is started as it is. */
export interface BareBwrap {
  /** A clone that was fresh. */
  readonly clone: string;
  /** All clones that were fresh, the oldest first: isolate takes the oldest first, so the last are not its. */
  readonly clones: readonly string[];
  /** The command on a clone, or on any root: with the options that isolate gives it, the filter included. */
  readonly on: (root: string) => Omit<Candidate, 'name'>;
}

export async function planBwrap(dataset: string): Promise<Launch> {
  return await plan({ engine: 'bwrap', zfs: dataset, command: ['true'] });
}

/** The bubblewrap command of a run, on a clone itself and with the command instead of the stage; a clone has to be fresh. */
export async function bareBwrap(dataset: string): Promise<BareBwrap> {
  const { descriptors, hostMounts, sandboxMounts } = await planBwrap(dataset);
  const { source, target } = [...hostMounts, ...sandboxMounts].find(({ kind }) => kind === 'bind') as { source: string; target: string };
  const options = descriptors.find((descriptor) => descriptor.kind === 'data' && descriptor.label === 'options') as { content: Uint8Array };
  const filter = descriptors.find((descriptor) => descriptor.kind === 'file') as { number: number; path: string };
  const words = new TextDecoder().decode(options.content).split('\0').slice(0, -1);
  const pool = dirname(source);
  return {
    clone: source,
    clones: readdirSync(pool)
      .sort()
      .map((id) => join(pool, id)),
    on: (root) => ({
      command: ['/usr/bin/bwrap', ...words.map((word) => (word === target ? root : word)), '--', '/bin/true'],
      descriptors: { [filter.number]: filter.path },
    }),
  };
}
