import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { plan } from '../../src/index.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { isolatePath } from '../rig/isolate.ts';
import { bareLaunch } from '../rig/launches.ts';
import { bareBwrap } from './bare-bwrap.ts';
import type { Ground } from './ground.ts';
import { type Command, measure, warmUp } from './measure.ts';
import { type Findings, type Goal, tableOf } from './report.ts';
import { readLauncherMemory } from './resident.ts';

/**
 * `isolate -z` on a warm pool without a daemon, beside what it cannot do without: a start of Node and one of bubblewrap on a
 * clone. On a clone that nothing ran on before as isolate has it, whose files are read from storage, and on one whose files
 * are in memory.
 */
export async function measureRuns(ground: Ground, rounds: number): Promise<Findings> {
  const { stopwatch, dataset, directory } = ground;
  await ground.fill(warmUp + rounds + 1);
  const run = (...args: string[]): Command => ({ command: [isolatePath, '--quiet', ...args, 'true'] });
  const on = await bareBwrap({ template: directory });
  let clone = ground.clone;
  const summaries = await measure(
    stopwatch,
    {
      'node -e 0': { command: [process.execPath, '-e', '0'] },
      'bare bwrap on a fresh clone': () => on(clone),
      'bare bwrap': on(ground.clone),
      'isolate -z': run('-e', 'bwrap', '-z', dataset),
      'isolate -t': run('-t', directory),
      'isolate -t --ephemeral': run('-t', directory, '--ephemeral'),
      'isolate --version': { command: [isolatePath, '--version'] },
    },
    {
      rounds,
      settle: async () => {
        clone = await ground.renewClone();
      },
    },
  );
  const goals: Goal[] = (['bare bwrap on a fresh clone', 'bare bwrap'] as const).map((bwrap) => ({
    name: `isolate -z / (node -e 0 + ${bwrap})`,
    value: summaries['isolate -z'].medianMs / (summaries['node -e 0'].medianMs + summaries[bwrap].medianMs),
    most: 1.4,
  }));
  goals.push(
    { name: 'peak memory of isolate -z', value: summaries['isolate -z'].peakKib / 1024, most: 90, unit: 'MiB' },
    { name: 'memory of the launcher', value: Math.max(...(await readLauncherMemory(dataset))) / 1024, most: 2, unit: 'MiB' },
  );
  return { tables: [tableOf('a run of true without a daemon', summaries)], goals };
}

/** The same with LXC. */
export async function measureLxc({ stopwatch, dataset, fill }: Ground, rounds: number): Promise<Findings> {
  await fill(warmUp + rounds);
  const command = [isolatePath, '--quiet', '-e', 'lxc', '-z', dataset, 'true'];
  return {
    tables: [tableOf('a run of true with lxc', await measure(stopwatch, { 'isolate -e lxc -z': { command } }, { rounds }))],
    goals: [],
  };
}

/** What the launcher adds to a bubblewrap that it starts: with the same command, and with all that isolate has it do. */
export async function measureLauncher({ stopwatch, directory, clone, scratch }: Ground, rounds: number): Promise<Findings> {
  // A fresh clone is mounted where only a run that leases it can get at it.
  const launch = await plan({ engine: 'bwrap', template: directory, command: ['true'] });
  const bare = (await bareBwrap({ template: directory }))(clone);
  const [file = '', ...words] = bare.command;
  const same = bareLaunch([file, ...words], {
    descriptors: Object.entries(bare.descriptors ?? {}).map(([number, path]) => ({ kind: 'file', number: Number(number), path })),
  });
  const records = mkdtempSync(join(scratch, 'records-'));
  const start = (name: string, what: Launch): Command => {
    const record = join(records, name);
    writeFileSync(record, encodeLaunchRecord(what, { supervised: false }));
    return { command: [join(isolatePath, '../isolate-launch'), '3', '4'], descriptors: { 3: record, 4: '/dev/null' } };
  };
  const summaries = await measure(
    stopwatch,
    { 'bare bwrap': bare, 'isolate-launch bwrap': start('same', same), "isolate-launch, isolate's launch": start('whole', launch) },
    // They are short: more of them cost little and tell more.
    { rounds: rounds * 5 },
  );
  rmSync(records, { recursive: true });
  const added = summaries['isolate-launch bwrap'].medianMs - summaries['bare bwrap'].medianMs;
  return {
    tables: [tableOf('what the launcher adds', summaries)],
    goals: [{ name: 'isolate-launch bwrap - bare bwrap', value: added, most: 1.5, unit: 'ms' }],
  };
}
