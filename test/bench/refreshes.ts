import { setTimeout as sleep } from 'node:timers/promises';

import { runCommand } from '../../src/process/command.ts';
import { isolatePath } from '../rig/isolate.ts';
import { summarize, type Summary } from './measure.ts';
import type { Ground } from './starts.ts';
import type { Timing } from './stopwatch.ts';

const size = 20;

/**
 * A refresh that makes 20 clones beside 20 bare `zfs clone` commands one after the other: with the options that make
 * isolate's clones what they are, and with none. All begin with no clone.
 */
export async function measureRefresh({ stopwatch, rounds, dataset, fill }: Ground, mounts: string): Promise<Record<string, Summary>> {
  const timings: Record<string, Timing[]> = { 'isolate refresh': [], 'zfs clone -o ...': [], 'zfs clone': [] };
  for (let round = -1; round < rounds; round += 1) {
    const note = (name: string, parts: readonly Timing[]): void => {
      if (round >= 0) timings[name]!.push(add(parts));
    };
    await fill(0);
    note('isolate refresh', [stopwatch({ name: 'refresh', command: [isolatePath, 'refresh', '--quiet', dataset, String(size)] })]);
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
