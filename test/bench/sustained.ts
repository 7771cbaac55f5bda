import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { compileStatic } from '../rig/compile.ts';
import { isolatePath } from '../rig/isolate.ts';
import { bareBwrap } from './bare-bwrap.ts';
import type { Ground } from './ground.ts';
import { median, summarize } from './measure.ts';
import type { Findings } from './report.ts';
import { serveTemplate } from './served.ts';
import type { Candidate } from './stopwatch.ts';

const width = 8;
const smallPool = 16;
const rounds = 3;

interface Crowd {
  readonly perSecond: number;
  readonly timesMs: readonly number[];
}

/**
 * Runs a second, 8 at a time, through the daemon and of bare bubblewrap: on a pool of 16, where each run after the first few
 * needs a clone that is destroyed and one that is made, and on a pool that has a clone for each run.
 */
export async function measureSustained(ground: Ground, runs: number): Promise<Findings> {
  const program = await compileStatic(join(import.meta.dirname, 'crowd.c'));
  const isolated: Omit<Candidate, 'name'> = { command: [isolatePath, '--quiet', '--wait', '60', '-z', ground.dataset, 'true'] };
  const found = new Map<string, Crowd[]>();
  for (const [label, size] of [
    [`pool of ${smallPool}, refilled meanwhile`, smallPool],
    [`pool of ${runs + smallPool}, a clone for each run`, runs + smallPool],
  ] as const) {
    const served = await serveTemplate(ground, size);
    try {
      const on = await bareBwrap({ template: ground.directory });
      const candidates = { [`bare bwrap (${label})`]: on(ground.clone), [`isolate -z (${label})`]: isolated };
      for (let round = 0; round < rounds; round += 1) {
        for (const [name, candidate] of Object.entries(candidates)) {
          await served.full();
          found.set(name, [...(found.get(name) ?? []), await runCrowd(program, runs, candidate)]);
        }
      }
    } finally {
      await served.end();
    }
  }
  const rate = (start: string, size: number): number => {
    const [, crowds = []] = [...found].find(([name]) => name.startsWith(`${start} (pool of ${size},`)) ?? [];
    return median(crowds.map(({ perSecond }) => perSecond));
  };
  return {
    tables: [
      {
        title: `${runs} runs of true, ${width} at a time`,
        head: ['runs/s', 'median ms', 'p99 ms', 'rounds'],
        rows: [...found].map(([name, crowds]) => {
          const all = summarize(crowds.flatMap(({ timesMs }) => timesMs.map((wallMs) => ({ wallMs, cpuMs: 0, peakKib: 0 }))));
          return { name, cells: [median(crowds.map(({ perSecond }) => perSecond)), all.medianMs, all.p99Ms, String(crowds.length)] };
        }),
      },
    ],
    goals: [smallPool, runs + smallPool].map((size) => ({
      name: `runs/s of isolate -z / bare bwrap, pool of ${size}`,
      value: rate('isolate -z', size) / rate('bare bwrap', size),
      least: 0.5,
    })),
  };
}

async function runCrowd(program: string, count: number, { command, descriptors = {} }: Omit<Candidate, 'name'>): Promise<Crowd> {
  const files = Object.entries(descriptors).map(([number, file]) => `${number}=${file}`);
  const child = spawn(program, [String(count), String(width), ...files, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const [first = '', ...times] = output.trim().split('\n');
  const [wallNs = 0, failed] = first.split(' ').map(Number);
  if (failed !== 0) throw new Error(`${failed} of ${count} failed: ${command.join(' ')}`);
  return { perSecond: (count / wallNs) * 1e9, timesMs: times.map((time) => Number(time) / 1e6) };
}
