import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { refresh } from '../../src/index.ts';
import { runCommand } from '../../src/process/command.ts';
import { isolatePath } from '../rig/isolate.ts';
import type { Ground } from './ground.ts';
import { summarize, type Summary } from './measure.ts';
import { type Findings, tableOf } from './report.ts';
import type { Timing } from './stopwatch.ts';

/** How often it is measured how long so many clones take. */
const refillRounds = 3;

/** A refresh of 20. */
export async function measureRefresh(ground: Ground, rounds: number): Promise<Findings> {
  const summaries = await measureClones(ground, 20, rounds);
  const of = (name: string): number => summaries[name]!.medianMs;
  return {
    tables: [tableOf('20 clones', summaries)],
    goals: [
      { name: 'isolate refresh T 20 / 20 times zfs clone -o ...', value: of('isolate refresh') / of('zfs clone -o ...'), most: 1.2 },
      { name: 'isolate refresh T 20 / 20 times zfs clone', value: of('isolate refresh') / of('zfs clone'), most: 1.2 },
    ],
  };
}

/** As many clones as are asked for, mostly 100. */
export async function measureRefill(ground: Ground, count: number): Promise<Findings> {
  const summaries = await measureClones(ground, count, refillRounds);
  const of = (name: string): number => summaries[name]!.medianMs;
  return {
    tables: [tableOf(`${count} clones`, summaries)],
    goals: [
      { name: `isolate refresh T ${count} / ${count} times zfs clone`, value: of('isolate refresh') / of('zfs clone'), most: 1 },
      {
        name: `refresh in a running process / ${count} times zfs clone`,
        value: of('refresh in a running process') / of('zfs clone'),
        most: 1,
      },
    ],
  };
}

/**
 * A refresh that makes clones beside as many bare `zfs clone` commands one after the other: with the options that make
 * isolate's clones what they are, and with none. The refresh by the command line, and by a process that runs already, as
 * the daemon does. All begin with no clone.
 */
async function measureClones(ground: Ground, size: number, rounds: number): Promise<Record<string, Summary>> {
  const { stopwatch, dataset, scratch, fill } = ground;
  const mounts = join(scratch, 'mounts');
  mkdirSync(mounts, { recursive: true });
  const timings: Record<string, Timing[]> = {
    'isolate refresh': [],
    'refresh in a running process': [],
    'zfs clone -o ...': [],
    'zfs clone': [],
  };
  for (let round = -1; round < rounds; round += 1) {
    const note = (name: string, parts: readonly Timing[]): void => {
      if (round >= 0) timings[name]!.push(add(parts));
    };
    await fill(0);
    note('isolate refresh', [stopwatch({ name: 'refresh', command: [isolatePath, 'refresh', '--quiet', dataset, String(size)] })]);
    await fill(0);
    const startMs = performance.now();
    const before = process.cpuUsage();
    await refresh({ template: dataset, count: size });
    const { user, system } = process.cpuUsage(before);
    note('refresh in a running process', [{ wallMs: performance.now() - startMs, cpuMs: (user + system) / 1e3, peakKib: Number.NaN }]);
    await fill(0);
    for (const [name, marked] of [
      ['zfs clone -o ...', true],
      ['zfs clone', false],
    ] as const) {
      const names = Array.from({ length: size }, (_, index) => `${dataset}-bare${index}`);
      note(
        name,
        names.map((clone) =>
          stopwatch({
            name,
            command: ['zfs', 'clone', ...(marked ? markedAs(dataset, `${mounts}/${clone}`) : []), `${dataset}@first`, clone],
          }),
        ),
      );
      for (const clone of names) await destroy(clone);
    }
  }
  return Object.fromEntries(Object.entries(timings).map(([name, all]) => [name, summarize(all)]));
}

/** zfs-fuse may say of a clone that was just unmounted that it is busy. */
async function destroy(clone: string): Promise<void> {
  const endMs = performance.now() + 10_000;
  for (;;) {
    const { exitCode, stderr } = await runCommand({ file: '/sbin/zfs', args: ['destroy', clone], timeoutMs: 20_000 });
    if (exitCode === 0) return;
    if (performance.now() > endMs) throw new Error(stderr);
    await sleep(20);
  }
}

/** The properties of src/storage/zfs/plan.ts, and a mount, which isolate does in a step of its own. */
function markedAs(dataset: string, mountpoint: string): string[] {
  return [`isolate:template=${dataset}`, 'com.sun:auto-snapshot=false', `mountpoint=${mountpoint}`].flatMap((property) => ['-o', property]);
}

function add(parts: readonly Timing[]): Timing {
  const sum = (field: 'wallMs' | 'cpuMs'): number => parts.reduce((total, part) => total + part[field], 0);
  return { wallMs: sum('wallMs'), cpuMs: sum('cpuMs'), peakKib: Math.max(...parts.map(({ peakKib }) => peakKib)) };
}
