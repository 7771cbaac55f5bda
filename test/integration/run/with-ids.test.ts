import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

import { callerContext } from '../../../src/template/context.ts';
import { runAsTool } from '../../../src/run/with-ids.ts';
import { bareLaunch } from '../../rig/launches.ts';
import { descendants, listProcesses } from '../../rig/process-tree.ts';

const left = 'sleep 611';

async function waitFor<T>(find: () => T | undefined): Promise<T> {
  for (let found = find(); ; found = find()) {
    if (found !== undefined) return found;
    await sleep(10);
  }
}

test('a program whose launcher is killed has ended, although something that it left keeps its output open', async () => {
  onTestFinished(() => {
    for (const { pid, command } of listProcesses()) if (command === left) process.kill(pid, 'SIGKILL');
  });
  const { facts } = await callerContext();
  const words = ['/bin/sh', '-c', `echo up; setsid ${left} & wait`] as const;
  const running = runAsTool(bareLaunch(words), { file: '/bin/sh', args: [], timeoutMs: 60_000 }, facts);
  await waitFor(() => listProcesses().find(({ command }) => command === left));
  const launcher = await waitFor(() => descendants(process.pid).find(({ command }) => command.includes('isolate-launch')));
  process.kill(launcher.pid, 'SIGKILL');
  expect(await running).toEqual({ stdout: 'up\n', stderr: '', exitCode: 137 });
  expect(listProcesses().filter(({ command }) => command === left)).toHaveLength(1);
});
