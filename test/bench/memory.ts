import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { systemRuntimeDirectory } from '../../src/pool/paths.ts';
import type { Daemon } from '../rig/daemon.ts';
import { isolate, startIsolate } from '../rig/isolate.ts';
import type { Ground } from './ground.ts';
import type { Findings, Goal, Table } from './report.ts';
import { processesOf, serveTemplate } from './served.ts';

/** zfs-fuse has no more than 1000 file systems mounted, the template's among them. */
const known = 900;
const leased = 100;
const growthPool = 8;
/** Runs before the first look: what is loaded at its first use is there then. */
const warmUpRuns = 100;

/** Not where clones are mounted. */
const stateDirectories = ['pools', 'signal', 'ids', 'runs'];

interface Sample {
  readonly processes: readonly { readonly name: string; readonly residentMib: number; readonly descriptors: number }[];
  readonly mounts: number;
  readonly files: number;
}

/** What the daemon's processes take with 1000 clones of which 100 are leased, and what grows over many runs. */
export async function measureMemory(ground: Ground, runs: number): Promise<Findings> {
  const growth = await measureGrowth(ground, runs);
  const many = await measureMany(ground);
  return { tables: [...growth.tables, ...many.tables], goals: [...growth.goals, ...many.goals] };
}

async function measureMany(ground: Ground): Promise<Findings> {
  const served = await serveTemplate(ground, known);
  const children: ChildProcess[] = [];
  try {
    const before = await look(served.daemon);
    for (let index = 0; index < leased; index += 1) {
      const child = startIsolate(['-q', '-z', ground.dataset, 'sh', '-c', 'echo; exec sleep 600']);
      children.push(child);
      await once(child.stdout!, 'data');
    }
    const after = await look(served.daemon);
    const total = after.processes.reduce((sum, { residentMib }) => sum + residentMib, 0);
    return {
      tables: [
        tableOfSamples('memory of the daemon', { [`${known} clones`]: before, [`${ground.count('leased')} of them leased`]: after }),
      ],
      goals: [{ name: `memory of the daemon, ${known} clones known, ${leased} leased`, value: total, most: 100, unit: 'MiB' }],
    };
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(
      children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map((child) => once(child, 'exit')),
    );
    await served.end();
  }
}

async function measureGrowth(ground: Ground, runs: number): Promise<Findings> {
  const served = await serveTemplate(ground, growthPool);
  try {
    const samples: Record<string, Sample> = {};
    for (const [from, to] of [
      [0, warmUpRuns],
      [warmUpRuns, warmUpRuns + Math.ceil(runs / 2)],
      [warmUpRuns + Math.ceil(runs / 2), warmUpRuns + runs],
    ] as const) {
      for (let run = from; run < to; run += 1) await runOnce(ground);
      await served.full();
      samples[`after ${to} runs`] = await look(served.daemon);
    }
    const [first, middle, last] = Object.values(samples) as [Sample, Sample, Sample];
    const sum = ({ processes }: Sample, field: 'residentMib' | 'descriptors'): number =>
      processes.reduce((all, one) => all + one[field], 0);
    const goals: Goal[] = [
      { name: 'descriptors more after the runs', value: sum(last, 'descriptors') - sum(first, 'descriptors'), most: 0 },
      { name: 'mounts more after the runs', value: last.mounts - first.mounts, most: 0 },
      { name: `files below ${systemRuntimeDirectory} more after the runs`, value: last.files - first.files, most: 0 },
      { name: 'memory more in the second half', value: sum(last, 'residentMib') - sum(middle, 'residentMib'), most: 2, unit: 'MiB' },
    ];
    return { tables: [tableOfSamples(`growth over ${runs} runs of true`, samples)], goals };
  } finally {
    await served.end();
  }
}

async function runOnce({ dataset }: Ground): Promise<void> {
  const { status, stderr } = await isolate(['-q', '--wait', '60', '-z', dataset, 'true']);
  if (status !== 0) throw new Error(stderr);
}

async function look(daemon: Daemon): Promise<Sample> {
  return {
    processes: (await processesOf(daemon)).filter(stays).map(({ pid, name }) => ({
      name,
      residentMib: Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
    })),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').length,
    files: stateDirectories.reduce((sum, name) => sum + countFiles(join(systemRuntimeDirectory, name)), 0),
  };
}

/** Tools of the storage come and go, and may be gone when they are looked at. */
function stays({ name }: { readonly name: string }): boolean {
  return name === 'MainThread' || name === 'isolate-gate';
}

/** Of a directory that changes meanwhile. */
function countFiles(directory: string): number {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.reduce((sum, entry) => sum + 1 + (entry.isDirectory() ? countFiles(join(directory, entry.name)) : 0), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

function tableOfSamples(title: string, samples: Readonly<Record<string, Sample>>): Table {
  return {
    title,
    head: ['MiB', 'descriptors', 'mounts', 'files'],
    rows: Object.entries(samples).flatMap(([name, { processes, mounts, files }]) => [
      { name, cells: ['', '', String(mounts), String(files)] },
      ...processes.map((one) => ({ name: `    ${one.name}`, cells: [one.residentMib, String(one.descriptors), '', ''] })),
    ]),
  };
}
