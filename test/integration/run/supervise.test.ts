import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Facts } from '../../../src/host/facts.ts';
import { giveBack, type Release } from '../../../src/run/give-back.ts';
import { supervise } from '../../../src/run/supervise.ts';
import type { SandboxSpec } from '../../../src/spec/spec.ts';
import { initLaunch, launcherPath } from '../../rig/launches.ts';

test('a run whose streams could not be used is over before that is reported', async () => {
  const facts = { files: { launcher: await launcherPath() } } as Facts;
  let launcher = 0;
  const ended = supervise(
    initLaunch(['/bin/sh', '-c', "trap '' TERM; sleep 60"]),
    { command: ['true'], graceMs: 10_000 } as unknown as SandboxSpec,
    facts,
    {
      stdio: { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      onStreams: (streams) => {
        launcher = (streams as unknown as { pid: number }).pid;
        throw new Error('no streams');
      },
    },
  );
  await expect(ended).rejects.toThrow('no streams');
  expect({ started: launcher > 0, lives: existsSync(`/proc/${String(launcher)}`) }).toEqual({ started: true, lives: false });
});

test('a failure to give something back is a warning and does not change the outcome', async () => {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const held = (action: () => Promise<void>): Release => ({ giveBack: action, atEnd: null });
  await giveBack(
    held(() => Promise.reject(new Error('late'))),
    undefined,
    warn,
  );
  await giveBack(
    held(() => {
      throw new Error('at once');
    }),
    undefined,
    warn,
  );
  expect(warnings).toEqual(['late', 'at once']);
});
