import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { isolatePath, startIsolate } from '../rig/isolate.ts';
import { descendants } from '../rig/process-tree.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { type BareOptions, bareQemu } from './bare-qemu.ts';
import type { Ground } from './ground.ts';
import { measure, median } from './measure.ts';
import { type Findings, type Goal, type Table } from './report.ts';

/** Memory varies little between runs. */
const mostMemoryRounds = 5;

type Bare = (options?: BareOptions) => readonly string[];

/** `isolate -e kvm` beside what it cannot do without: a QEMU of the same machine that executes the command from the same root. */
export async function measureMachines({ stopwatch, scratch }: Ground, rounds: number): Promise<Findings> {
  const root = await busyboxRootfs();
  const bare = await bareQemu(root, scratch);
  tryBare(bare);
  const command = [isolatePath, '-q', '-e', 'kvm', '-t', root, '--read-only', '/bin/false'];
  const summaries = await measure(stopwatch, { 'bare QEMU': { command: bare() }, 'isolate -e kvm': { command, status: 1 } }, { rounds });
  const memory = await measureMemory(root, bare, Math.min(rounds, mostMemoryRounds));
  const medianMs = summaries['isolate -e kvm'].medianMs;
  return {
    tables: [
      {
        title: 'a run of /bin/false in a machine, from its start to its exit',
        // Nobody waits for isolate's QEMU, so what it has used is not known.
        head: ['median ms', 'p99 ms', 'least ms', 'runs'],
        rows: [
          ...Object.entries(summaries).map(([name, { medianMs, p99Ms, leastMs, runs }]) => ({
            name,
            cells: [medianMs, p99Ms, leastMs, String(runs)],
          })),
          { name: "virt-sandbox, 2012, with KVM: 4 s, by its author's words", cells: [] },
        ],
      },
      ...memory.tables,
    ],
    goals: [
      { name: 'isolate -e kvm / bare QEMU', value: medianMs / summaries['bare QEMU'].medianMs, most: 1.15 },
      { name: 'isolate -e kvm, emulated on two processors', value: medianMs / 1000, most: 2, unit: 's' },
      ...memory.goals,
    ],
  };
}

/** What the kernel says last where its first process ended the machine. */
const ends = 'reboot: Restarting system\r\n';

/** A machine whose first process fails ends quickly, and QEMU with 0. */
function tryBare(bare: Bare): void {
  for (const [options, wanted] of [
    [{}, ''],
    [{ script: 'exit 3' }, 'ended with 3\r\n'],
  ] as const) {
    const [file = '', ...args] = bare({ ...options, console: 'stdio' });
    const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    if (status !== 0 || stdout !== `${wanted}${ends}`) throw new Error(`The bare QEMU ended with status ${status}: ${stdout}${stderr}`);
  }
}

/** Peaks of resident memory in KiB. */
interface Resident {
  readonly qemu: number;
  readonly beside: number;
  /** What is beside QEMU. */
  readonly names: string;
}

const script = 'echo; exec sleep 600';

/** What is resident on the host while a command sleeps in a machine. */
async function measureMemory(root: string, bare: Bare, rounds: number): Promise<Findings> {
  const [bares, isolates]: [Resident[], Resident[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const [file = '', ...args] = bare({ script, console: 'stdio' });
    bares.push(await look(spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] }), 'SIGKILL'));
    isolates.push(await look(startIsolate(['-q', '-e', 'kvm', '-t', root, '--read-only', '/bin/sh', '-c', script]), 'SIGTERM'));
  }
  const rows = {
    'bare QEMU': bares.map(({ qemu }) => qemu),
    "isolate's QEMU": isolates.map(({ qemu }) => qemu),
    [`beside it: ${isolates[0]?.names}`]: isolates.map(({ beside }) => beside),
    'both together': isolates.map(({ qemu, beside }) => qemu + beside),
  };
  const ratio = (name: 'both together' | "isolate's QEMU"): number => median(rows[name]) / median(rows['bare QEMU']);
  const table: Table = {
    title: 'memory of a machine in which sleep runs',
    head: ['median MiB', 'most MiB', 'least MiB', 'runs'],
    rows: Object.entries(rows).map(([name, all]) => ({
      name,
      cells: [median(all) / 1024, Math.max(...all) / 1024, Math.min(...all) / 1024, String(all.length)],
    })),
  };
  const goals: Goal[] = [
    { name: "memory of isolate's QEMU / bare QEMU", value: ratio("isolate's QEMU"), most: 1.5 },
    { name: "memory of isolate's QEMU and what is beside it / bare QEMU", value: ratio('both together'), most: 1.5 },
  ];
  return { tables: [table], goals };
}

/** Looks at a process and all that it started once its command has written, and ends it. */
async function look(child: ChildProcess, ending: NodeJS.Signals): Promise<Resident> {
  const gone = once(child, 'exit');
  await Promise.race([once(child.stdout!, 'data'), gone]);
  if (child.exitCode !== null) throw new Error(`A machine ended early, with status ${child.exitCode}: ${child.spawnargs.join(' ')}`);
  const all = [child.pid!, ...descendants(child.pid!).map(({ pid }) => pid)].map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s+(.+)$`, 'm').exec(status)?.[1] ?? '';
    return { name: field('Name'), peak: Number.parseInt(field('VmHWM'), 10) };
  });
  child.kill(ending);
  await gone;
  const isQemu = ({ name }: { readonly name: string }): boolean => name.startsWith('qemu');
  const sum = (some: typeof all): number => some.reduce((total, { peak }) => total + peak, 0);
  const beside = all.filter((one) => !isQemu(one));
  return { qemu: sum(all.filter(isQemu)), beside: sum(beside), names: beside.map(({ name }) => name).join(', ') };
}
