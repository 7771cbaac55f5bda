import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { isolatePath } from '../rig/isolate.ts';
import { bareBwrap } from './bare-bwrap.ts';
import type { Ground } from './ground.ts';
import { measure, type Summary, warmUp } from './measure.ts';
import { lacks, prepareOthers } from './others.ts';
import type { Findings } from './report.ts';
import { serveTemplate } from './served.ts';
import type { Candidate } from './stopwatch.ts';
import { measureSystemd } from './systemd-run.ts';

const bwrap = 'bare bwrap';

/** `true` in the same root by what a user would take instead of isolate, each with what it leaves out. */
export async function measureAlternatives(ground: Ground, rounds: number): Promise<Findings> {
  const served = await serveTemplate(ground, warmUp + rounds + 16);
  const others = await prepareOthers(ground);
  const runs: Record<string, Summary> = {};
  const failures = new Map<string, string>();
  try {
    const on = await bareBwrap({ template: ground.directory });
    const candidates: Record<string, Omit<Candidate, 'name'>> = {
      'isolate -z through the daemon': { command: [isolatePath, '--quiet', '-z', ground.dataset, 'true'] },
      [bwrap]: on(ground.clone),
      'isolate -t DIR --ephemeral': { command: [isolatePath, '--quiet', '-t', ground.directory, '--ephemeral', 'true'] },
      ...others.candidates,
    };
    const able: Record<string, Omit<Candidate, 'name'>> = {};
    for (const [name, candidate] of Object.entries(candidates)) {
      const reason = whyNot(ground, candidate);
      if (reason === null) able[name] = candidate;
      else failures.set(name, reason);
    }
    Object.assign(runs, await measure(ground.stopwatch, able, { rounds, settle: served.full }));
  } finally {
    others.end();
    await served.end();
  }
  const bare = runs[bwrap]?.medianMs ?? Number.NaN;
  const rows = Object.entries(runs).map(([name, summary]) => rowOf(name, summary, bare));
  const unable = [...failures].map(([name, reason]) => ({ name, cells: ['cannot run'], text: reason }));
  const systemd = await measureSystemd(ground, rounds);
  return {
    tables: [
      { title: 'true in the same root', head, rows: [...rows, ...unable] },
      {
        title: 'the same in an LXC container with systemd',
        head,
        rows: Object.entries(systemd).map(([name, summary]) => rowOf(name, summary, systemd[bwrap]!.medianMs)),
      },
    ],
    goals: [],
  };
}

const head = ['median ms', 'p99 ms', 'x bwrap', 'peak MiB', 'runs'];

function rowOf(name: string, { medianMs, p99Ms, peakKib, runs }: Summary, bare: number) {
  const text = lacks[name];
  return { name, cells: [medianMs, p99Ms, medianMs / bare, peakKib / 1024, String(runs)], ...(text === undefined ? {} : { text }) };
}

/** What a command says that cannot be run here; null: it can. A command without `descriptors` is run as it is. */
function whyNot({ scratch }: Ground, { command, descriptors }: Omit<Candidate, 'name'>): string | null {
  if (descriptors !== undefined) return null;
  const [file = '', ...args] = command;
  const { status, stderr, error } = spawnSync(file, args, { cwd: join(scratch), encoding: 'utf8', timeout: 20_000 });
  if (error !== undefined) return `${error.message}.`;
  return status === 0 ? null : (stderr.trim().split('\n').at(-1) ?? '');
}
