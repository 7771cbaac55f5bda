import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { Launch } from '../../src/engine/launch.ts';
import { plan } from '../../src/index.ts';
import { encodeLaunchRecord } from '../../src/process/launch-record.ts';
import { isolatePath } from '../rig/isolate.ts';
import { bareLaunch } from '../rig/launches.ts';
import { type Command, measure, type Summary, warmUp } from './measure.ts';
import type { Candidate, Stopwatch } from './stopwatch.ts';

/** Where runs are measured. */
export interface Ground {
  readonly stopwatch: Stopwatch;
  readonly rounds: number;
  /** A dataset with aligned ownership. */
  readonly dataset: string;
  /** A directory with the same files, of root. */
  readonly directory: string;
  /** Brings the pool of the dataset to a size; not timed. */
  readonly fill: (count: number) => Promise<void>;
}

/**
 * `isolate -z` on a warm pool beside what it cannot do without: a start of Node and one of bubblewrap on a clone. On a
 * clone that nothing ran on before as isolate has it, whose files are read from storage, and on one whose files are in memory.
 */
export async function measureRuns({ stopwatch, rounds, dataset, directory, fill }: Ground): Promise<Record<string, Summary>> {
  const runs = warmUp + rounds;
  await fill(2 * runs + 1);
  const run = (...args: string[]): Command => ({ command: [isolatePath, '--quiet', ...args, 'true'] });
  const { clone, on } = await bareBwrap(dataset);
  // isolate takes the oldest first, so these are not its.
  const own = readdirSync(dirname(clone))
    .sort()
    .slice(-runs - 1);
  return measure(
    stopwatch,
    {
      'node -e 0': { command: [process.execPath, '-e', '0'] },
      'bare bwrap on a fresh clone': (round) => on(join(dirname(clone), own[round]!)),
      'bare bwrap': on(join(dirname(clone), own[runs]!)),
      'isolate -z': run('-e', 'bwrap', '-z', dataset),
      'isolate -t': run('-t', directory),
      'isolate -t --ephemeral': run('-t', directory, '--ephemeral'),
      'isolate --version': { command: [isolatePath, '--version'] },
    },
    rounds,
  );
}

/** The same with LXC. */
export async function measureLxc({ stopwatch, rounds, dataset, fill }: Ground): Promise<Record<string, Summary>> {
  await fill(warmUp + rounds);
  return measure(stopwatch, { 'isolate -e lxc -z': { command: [isolatePath, '--quiet', '-e', 'lxc', '-z', dataset, 'true'] } }, rounds);
}

/** What the launcher adds to a bubblewrap that it starts: with the same command, and with all that isolate has it do. */
export async function measureLauncher({ stopwatch, rounds, dataset, fill }: Ground): Promise<Record<string, Summary>> {
  await fill(1);
  const launch = await planBwrap(dataset);
  const { clone, on } = await bareBwrap(dataset);
  const bare = on(clone);
  const [file = '', ...words] = bare.command;
  const same = bareLaunch([file, ...words], {
    descriptors: Object.entries(bare.descriptors ?? {}).map(([number, path]) => ({ kind: 'file', number: Number(number), path })),
  });
  const records = mkdtempSync(join(tmpdir(), 'isolate-bench-'));
  const start = (name: string, what: Launch): Command => {
    const record = join(records, name);
    writeFileSync(record, encodeLaunchRecord(what, { supervised: false, graceMs: 1000 }));
    return { command: [join(isolatePath, '../isolate-launch'), '3', '4'], descriptors: { 3: record, 4: '/dev/null' } };
  };
  try {
    return measure(
      stopwatch,
      { 'bare bwrap': bare, 'isolate-launch bwrap': start('same', same), "isolate-launch, isolate's launch": start('whole', launch) },
      // They are short: more of them cost little and tell more.
      rounds * 5,
    );
  } finally {
    rmSync(records, { recursive: true });
  }
}

async function planBwrap(dataset: string): Promise<Launch> {
  return await plan({ engine: 'bwrap', zfs: dataset, command: ['true'] });
}

/** The bubblewrap command of a run, on a clone itself and with the command instead of the stage; and the next fresh clone. */
async function bareBwrap(dataset: string): Promise<{ clone: string; on: (clone: string) => Omit<Candidate, 'name'> }> {
  const { descriptors, hostMounts, sandboxMounts } = await planBwrap(dataset);
  const { source, target } = [...hostMounts, ...sandboxMounts].find(({ kind }) => kind === 'bind') as { source: string; target: string };
  const options = descriptors.find((descriptor) => descriptor.kind === 'data' && descriptor.label === 'options') as { content: Uint8Array };
  const filter = descriptors.find((descriptor) => descriptor.kind === 'file') as { number: number; path: string };
  const words = new TextDecoder().decode(options.content).split('\0').slice(0, -1);
  return {
    clone: source,
    on: (clone) => ({
      command: ['/usr/bin/bwrap', ...words.map((word) => (word === target ? clone : word)), '--', '/bin/true'],
      descriptors: { [filter.number]: filter.path },
    }),
  };
}
