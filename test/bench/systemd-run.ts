import { copyFile, cp } from 'node:fs/promises';
import { join } from 'node:path';

import { compileStatic } from '../rig/compile.ts';
import { startSystemd } from '../rig/systemd.ts';
import type { Ground } from './ground.ts';
import { summarize, type Summary, warmUp } from './measure.ts';
import type { Timing } from './stopwatch.ts';

const properties = ['RootDirectory=/srv/root', 'MountAPIVFS=yes', 'PrivateNetwork=yes'].flatMap((property) => ['-p', property]);

/** `systemd-run` beside a bubblewrap with plain options, in an LXC container, because it needs systemd as the first process. */
export async function measureSystemd({ directory }: Ground, rounds: number): Promise<Record<string, Summary>> {
  const container = await startSystemd();
  try {
    await cp(directory, join(container.rootfs, 'srv/root'), { recursive: true, verbatimSymlinks: true });
    await copyFile(await compileStatic(join(import.meta.dirname, 'stopwatch.c')), join(container.rootfs, 'srv/stopwatch'));
    const candidates: Record<string, readonly [string, ...string[]]> = {
      'bare bwrap': ['bwrap', '--unshare-all', '--bind', '/srv/root', '/', '--dev', '/dev', '--proc', '/proc', '--', 'true'],
      'systemd-run -p RootDirectory=': ['systemd-run', '--quiet', '--wait', '--pipe', ...properties, '/bin/true'],
    };
    const timings = new Map<string, Timing[]>(Object.keys(candidates).map((name) => [name, []]));
    for (let round = 0; round < warmUp + rounds; round += 1) {
      for (const [name, command] of Object.entries(candidates)) {
        const [wall, user, system, peakKib, status] = (await container.must(['/srv/stopwatch', ...command])).split(' ').map(Number);
        if (status !== 0) throw new Error(`${name} ended with status ${status}: ${command.join(' ')}`);
        if (round >= warmUp) timings.get(name)?.push({ wallMs: wall! / 1e6, cpuMs: (user! + system!) / 1e3, peakKib: peakKib! });
      }
    }
    return Object.fromEntries([...timings].map(([name, all]) => [name, summarize(all)]));
  } finally {
    await container.stop();
  }
}
