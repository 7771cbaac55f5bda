import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { isolate, startIsolate } from '../rig/isolate.ts';
import { expectSound } from '../rig/sound-pool.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

/** How many processes are killed; ISOLATE_STORM=500 is the long run. */
const kills = Number(process.env['ISOLATE_STORM'] ?? 60);

let template: ZfsTemplate;
let daemon: Daemon;
beforeAll(async () => {
  template = await makeZfsTemplate({ aligned: true });
});
afterEach(async () => {
  await daemon.end();
});
afterAll(async () => {
  await template.pool.end();
});

const start = async (): Promise<void> => {
  daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 5\n`);
};
const marking = (index: number): string[] => [
  '-q',
  '--wait',
  '250',
  '-z',
  template.dataset,
  'sh',
  '-c',
  `ls /used-* 2>/dev/null; touch /used-${index}; echo ${index}`,
];

test('two hundred clients at once on a pool of five are all served, each with a clone of its own', { timeout: 290_000 }, async () => {
  await start();
  const runs = await Promise.all(Array.from({ length: 200 }, (_, index) => isolate(marking(index))));
  expect(runs).toEqual(runs.map((_, index) => ({ status: 0, signal: null, stdout: `${index}\n`, stderr: '' })));
  await daemon.end();
  await expectSound(template, 5);
});

/** Everything that may be killed: the daemon, its front and broker, the clients, the tools of ZFS that the daemon runs. */
function victims(): number[] {
  const names = /^(?:isolate|isolate-gate|isolate-launch|zfs)$/;
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((pid) => {
      try {
        return names.test(readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd());
      } catch {
        return false;
      }
    })
    .map(Number);
}

test(
  `after ${kills} times kill -9 of random processes no clone was used twice, and one refresh repairs the pool`,
  { timeout: 290_000 + kills * 1000 },
  async () => {
    await start();
    let done = false;
    const used: string[] = [];
    const clients = Array.from({ length: 6 }, async (_, worker) => {
      for (let round = 0; !done; round += 1) {
        const child = startIsolate(marking(worker * 100_000 + round));
        child.stderr?.resume();
        child.stdin?.end();
        child.stdout?.on('data', (chunk: Buffer) => used.push(chunk.toString()));
        await once(child, 'close');
      }
    });
    for (let killed = 0; killed < kills;) {
      await new Promise((resolve) => setTimeout(resolve, 20 + ((killed * 37) % 160)));
      const here = victims();
      const victim = here[(killed * 7919) % here.length];
      if (victim !== undefined) {
        try {
          process.kill(victim, 'SIGKILL');
          killed += 1;
        } catch {
          // It has ended by itself.
        }
      }
      if (daemon.process.exitCode !== null || daemon.process.signalCode !== null) await start();
    }
    done = true;
    await Promise.all(clients);
    await daemon.end();
    // A run that finds another's mark prints it before its own.
    expect(used.filter((text) => text.includes('used-'))).toEqual([]);
    expect(used.length).toBeGreaterThan(0);
    await expectSound(template, 5);
  },
);
