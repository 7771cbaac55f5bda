/* Measures what docs/performance.md says; inside test/rig/enter, on the built dist/: node main.ts [ROUNDS] [PART...]. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate } from '../rig/zfs-template.ts';
import { readMachine } from './machine.ts';
import type { Summary } from './measure.ts';
import { measureRefresh } from './refreshes.ts';
import { readLauncherMemory } from './resident.ts';
import { type Ground, measureLauncher, measureLxc, measureRuns } from './starts.ts';
import { makeStopwatch } from './stopwatch.ts';

interface Goal {
  readonly name: string;
  readonly value: number;
  readonly most: number;
  readonly unit: string;
}

const [rounds = '30', ...parts] = process.argv.slice(2);
// It makes every Node read certificates at its start; what a run starts has no use for them.
delete process.env['NODE_EXTRA_CA_CERTS'];
const machine = readMachine(tmpdir());
const template = await makeZfsTemplate({ aligned: true });
// Reached by nobody else, or isolate would not let changes to it stay.
const scratch = mkdtempSync(join(tmpdir(), 'isolate-bench-'));
try {
  const ground: Ground = {
    stopwatch: await makeStopwatch(process.env),
    rounds: Number(rounds),
    dataset: template.dataset,
    directory: await busyboxRootfs(join(scratch, 'template')),
    fill: async (count) => {
      const { status, stderr } = await isolate(
        count === 0 ? ['-q', '-f', '-s', '-r', template.dataset] : ['refresh', '-q', template.dataset, String(count)],
      );
      if (status !== 0) throw new Error(stderr);
    },
  };
  report(await measureAll(ground));
} finally {
  await template.pool.end();
  rmSync(scratch, { recursive: true });
}

async function measureAll(ground: Ground): Promise<{ tables: Record<string, Record<string, Summary>>; goals: Goal[] }> {
  const tables: Record<string, Record<string, Summary>> = {};
  const goals: Goal[] = [];
  const wanted = (part: string): boolean => parts.length === 0 || parts.includes(part);
  if (wanted('run')) {
    const runs = (tables['a run of true'] = await measureRuns(ground));
    for (const bwrap of ['bare bwrap on a fresh clone', 'bare bwrap']) {
      const bare = runs['node -e 0']!.medianMs + runs[bwrap]!.medianMs;
      goals.push({ name: `isolate -z / (node -e 0 + ${bwrap})`, value: runs['isolate -z']!.medianMs / bare, most: 1.6, unit: '' });
    }
    goals.push({ name: 'peak memory of isolate -z', value: runs['isolate -z']!.peakKib / 1024, most: 90, unit: 'MiB' });
    goals.push({
      name: 'memory of the launcher',
      value: Math.max(...(await readLauncherMemory(ground.dataset))) / 1024,
      most: 2,
      unit: 'MiB',
    });
  }
  if (wanted('launcher')) {
    const starts = (tables['what the launcher adds'] = await measureLauncher(ground));
    const added = starts['isolate-launch bwrap']!.medianMs - starts['bare bwrap']!.medianMs;
    goals.push({ name: 'isolate-launch bwrap - bare bwrap', value: added, most: 1.5, unit: 'ms' });
  }
  if (wanted('refresh')) {
    mkdirSync(join(scratch, 'mounts'));
    const refreshes = (tables['20 clones'] = await measureRefresh(ground, join(scratch, 'mounts')));
    const ratio = refreshes['isolate refresh']!.medianMs / refreshes['zfs clone -o ...']!.medianMs;
    goals.push({ name: 'isolate refresh T 20 / 20 times zfs clone -o ...', value: ratio, most: 1.2, unit: '' });
    const plain = refreshes['isolate refresh']!.medianMs / refreshes['zfs clone']!.medianMs;
    goals.push({ name: 'isolate refresh T 20 / 20 times zfs clone', value: plain, most: 1.2, unit: '' });
  }
  if (wanted('lxc')) tables['a run of true with lxc'] = await measureLxc(ground);
  return { tables, goals };
}

function report({ tables, goals }: Awaited<ReturnType<typeof measureAll>>): void {
  const lines = [
    Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  ];
  const row = (name: string, ...cells: readonly string[]): string => name.padEnd(56) + cells.map((cell) => cell.padStart(11)).join('');
  for (const [title, table] of Object.entries(tables)) {
    lines.push('', row(title, 'median ms', 'least ms', 'cpu ms', 'peak MiB', 'runs'));
    for (const [name, { medianMs, leastMs, cpuMs, peakKib, runs }] of Object.entries(table)) {
      lines.push(row(`  ${name}`, ...[medianMs, leastMs, cpuMs, peakKib / 1024].map((value) => value.toFixed(1)), String(runs)));
    }
  }
  lines.push('', row('goals', 'is', 'at most'));
  for (const { name, value, most, unit } of goals) {
    lines.push(row(`  ${name}`, `${value.toFixed(2)} ${unit}`.trim(), `${most} ${unit}`.trim(), value <= most ? 'met' : 'missed'));
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  const file = join(import.meta.dirname, '../../.cache/bench.json');
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ machine, tables, goals }, null, 2)}\n`);
}
