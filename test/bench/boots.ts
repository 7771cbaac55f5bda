import { spawn } from 'node:child_process';

import { finished, startIsolate } from '../rig/isolate.ts';
import { descendants, signalProcess } from '../rig/process-tree.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import type { Ground } from './ground.ts';
import { summarize } from './measure.ts';
import type { Findings } from './report.ts';

const width = 2;
const busyLoops = 2;
const mostMs = 60_000;

interface Boot {
  readonly wallMs: number;
  /** What is wrong with its end, if anything is. */
  readonly wrong: string | null;
}

/** So many machines, two at a time, while two loops want the processors as well: all have to end as their commands did. */
export async function measureBoots(_ground: Ground, count: number): Promise<Findings> {
  const root = await busyboxRootfs();
  const loops = Array.from({ length: busyLoops }, () => spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }));
  const boots: Boot[] = [];
  try {
    let next = 0;
    const bootInTurn = async (): Promise<void> => {
      while (next < count) {
        next += 1;
        boots.push(await boot(root, 1 + (next % 100)));
      }
    };
    await Promise.all(Array.from({ length: width }, bootInTurn));
  } finally {
    for (const loop of loops) loop.kill('SIGKILL');
  }
  const wrong = boots.flatMap((one) => one.wrong ?? []);
  const { medianMs, p99Ms, leastMs } = summarize(boots.map(({ wallMs }) => ({ wallMs, cpuMs: 0, peakKib: 0 })));
  const slowestMs = Math.max(...boots.map(({ wallMs }) => wallMs));
  return {
    tables: [
      {
        title: `${count} machines, ${width} at a time beside ${busyLoops} busy loops`,
        head: ['median ms', 'p99 ms', 'least ms', 'slowest ms', 'wrong', 'runs'],
        rows: [
          {
            name: 'isolate -e kvm',
            cells: [medianMs, p99Ms, leastMs, slowestMs, String(wrong.length), String(boots.length)],
            ...(wrong[0] === undefined ? {} : { text: `the first that was wrong: ${wrong[0]}` }),
          },
        ],
      },
    ],
    goals: [
      { name: `machines of ${count} that did not end with the right status`, value: wrong.length, most: 0 },
      { name: 'the slowest of them', value: slowestMs / 1000, most: mostMs / 1000, unit: 's' },
    ],
  };
}

/** `wanted`: the status that the command ends with, which differs between machines. */
async function boot(root: string, wanted: number): Promise<Boot> {
  const startMs = performance.now();
  const child = startIsolate(['-q', '-e', 'kvm', '-t', root, '--read-only', '/bin/sh', '-c', `exit ${wanted}`]);
  child.stdin?.end();
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    for (const { pid } of descendants(child.pid!)) signalProcess(pid, 'SIGKILL');
    child.kill('SIGKILL');
  }, mostMs);
  const { status, signal, stderr } = await finished(child);
  clearTimeout(limit);
  const wallMs = performance.now() - startMs;
  if (isLate) return { wallMs, wrong: `ended by force after ${mostMs / 1000} s` };
  const isRight = status === wanted && stderr === '';
  return { wallMs, wrong: isRight ? null : `${status ?? signal} instead of ${wanted}: ${JSON.stringify(stderr)}` };
}
