import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Daemon, startDaemon, writeConfig } from '../rig/daemon.ts';
import { finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { machineProcesses } from '../rig/machines.ts';
import { descendants, signalProcess } from '../rig/process-tree.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

// More of them on request: ISOLATE_TEST_MACHINE_KILLS=300 scripts/test test/e2e/machine-killed.test.ts
const kills = Number(process.env['ISOLATE_TEST_MACHINE_KILLS'] ?? 12);

let template: ZfsTemplate;
let daemon: Daemon;
beforeAll(async () => {
  template = await makeZfsTemplate();
  await writeConfig(`[templates."${template.dataset}"]\ncount = 3\n`);
  daemon = await startDaemon();
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
}, 300_000);

const startShell = (script: string) => startIsolate(['-q', '-e', 'kvm', '-z', template.dataset, '--wait', '60', '--', 'sh', '-c', script]);
const running = (): readonly string[] => machineProcesses().map(({ command }) => command);

test(
  `${kills} times a process of a machine is killed, at any time: nothing is left running, mounted or leased`,
  { timeout: kills * 30_000 },
  async () => {
    const victims = ['qemu-system', 'isolate-machine', 'any', 'isolate'] as const;
    for (let round = 0; round < kills; round += 1) {
      const victim = victims[round % victims.length] ?? 'isolate';
      const child = startShell('echo x > /new; exec sleep 600');
      const end = finished(child);
      await new Promise((resolve) => void setTimeout(resolve, randomInt(2500)));
      const below = descendants(child.pid ?? 0);
      const chosen = victim === 'isolate' ? [] : below.filter(({ command }) => victim === 'any' || command.includes(victim));
      // It may not have come so far.
      signalProcess(chosen[randomInt(Math.max(1, chosen.length))]?.pid ?? child.pid ?? 0, 'SIGKILL');
      const { status, signal } = await end;
      expect({ victim, failed: signal === 'SIGKILL' || (status ?? 0) >= 125 }).toEqual({ victim, failed: true });
      await expect.poll(running, { timeout: 20_000 }).toEqual([]);
    }
    await expect
      .poll(
        async () => (JSON.parse((await isolate(['status', '--json'])).stdout) as { pools: { fresh: number; leased: number }[] }).pools,
        {
          timeout: 60_000,
        },
      )
      .toEqual([expect.objectContaining({ fresh: 3, leased: 0 })]);
    expect(
      readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes('/run/isolate/sandbox')),
    ).toEqual([]);
  },
);

test('a machine survives the daemon that gave its clone, and the next daemon takes the clone back', async () => {
  const child = startShell('echo ready; read -r line; exit 7');
  await once(child.stdout!, 'data');
  daemon.process.kill('SIGKILL');
  await once(daemon.process, 'exit');
  daemon = await startDaemon();
  const end = finished(child);
  child.stdin?.end('go on\n');
  expect(await end).toMatchObject({ status: 7 });
});

test('a kernel that is cut off, or none, ends the run with an error of its own', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-kernel-'));
  const words = ['-q', '-e', 'kvm', '-t', await busyboxRootfs(), '--read-only', 'true'];
  const kernel = join(isolatePath, '../vmlinux');
  const fake = join(directory, 'vmlinux');
  closeSync(openSync(fake, 'w', 0o644));
  truncateSync(fake, 1_000_000);
  execFileSync('mount', ['--bind', fake, kernel]);
  const cut = await isolate(words);
  execFileSync('umount', [kernel]);
  rmSync(directory, { recursive: true });
  expect(cut).toEqual({
    status: 125,
    signal: null,
    stdout: '',
    stderr: expect.stringMatching(
      /^isolate: the machine died before the command was started\nQEMU said:\n.+\nisolate: kvm could not/s,
    ) as string,
  });
});
