import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';

import { finished, startIsolate } from '../rig/isolate.ts';
import { useWay, ways } from '../rig/ways.ts';

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  /** Starts a shell in the sandbox that says `ready`, and waits until it has. */
  async function startShell(script: string): Promise<ReturnType<typeof startIsolate>> {
    const child = startIsolate(['-q', ...way.root, '--', 'sh', '-c', script]);
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('ready\n');
    return child;
  }

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTSTP'] as const)(
    '%s reaches the command, whose own status comes back',
    async (signal) => {
      const child = await startShell(`trap "echo got; exit 7" ${signal.slice(3)}; sleep 1000 & echo ready; wait`);
      const end = finished(child);
      child.kill(signal);
      if (signal === 'SIGTSTP') {
        // isolate stops with its command, as a job does; the command's handler runs all the same.
        await once(child.stdout!, 'data');
        await expect.poll(() => stateOf(child.pid)).toBe('T');
        child.kill('SIGCONT');
      }
      expect(await end).toEqual({ status: 7, signal: null, stdout: 'got\n', stderr: '' });
    },
  );

  test('a command that was stopped with isolate gets one SIGCONT when both go on', async () => {
    const child = await startShell('trap "echo continued" CONT; trap "exit 7" USR1; sleep 1000 & echo ready; while :; do wait $!; done');
    const end = finished(child);
    for (let round = 0; round < 50; round += 1) {
      child.kill('SIGTSTP');
      await expect.poll(() => stateOf(child.pid)).toBe('T');
      const output = once(child.stdout!, 'data');
      child.kill('SIGCONT');
      const [chunk] = (await output) as [Buffer];
      expect(chunk.toString()).toBe('continued\n');
    }
    child.kill('SIGUSR1');
    expect(await end).toEqual({ status: 7, signal: null, stdout: 'continued\n'.repeat(50), stderr: '' });
  });

  test('a SIGINT at any moment of a start cancels the run, ends it or reaches the command, and leaves nothing behind', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const child = startIsolate(['-q', ...way.root, '--', 'sh', '-c', 'trap "exit 7" INT; sleep 987.1 & wait']);
        const timer = setTimeout(() => child.kill('SIGINT'), 40 + index * 15);
        // One that came while Node itself started ends it as any program; one that came too early for the trap ends the shell.
        const { status, signal } = await finished(child);
        clearTimeout(timer);
        return signal ?? status;
      }),
    );
    expect(statuses.filter((status) => !['SIGINT', 125, 130, 7].includes(status ?? -1))).toEqual([]);
    await expect.poll(async () => (await namesOfProcesses()).filter((name) => name.startsWith('sleep 987'))).toEqual([]);
  });

  test('a command killed by a forwarded signal gives 128 and the signal', async () => {
    const child = await startShell('echo ready; exec sleep 100');
    const end = finished(child);
    child.kill('SIGTERM');
    expect((await end).status).toBe(143);
  });

  test('a second SIGTERM ends a command that ignores the first', async () => {
    const child = await startShell('trap "echo stubborn" TERM; echo ready; while :; do sleep 0.05; done');
    const end = finished(child);
    child.kill('SIGTERM');
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
    expect((await end).status).toBe(137);
  });

  /** The letter for a process's state in /proc/PID/stat. */
  async function stateOf(pid: number | undefined): Promise<string | undefined> {
    return (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.[0];
  }

  async function namesOfProcesses(): Promise<string[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    return lines.map((line) => line.replaceAll('\0', ' ').trim());
  }

  test('kill -9 of isolate leaves no process of the sandbox', async () => {
    const child = await startShell('echo ready; sleep 4321.5 & sleep 4321.6');
    await expect.poll(async () => (await namesOfProcesses()).filter((name) => name.startsWith('sleep 4321')).length).toBe(2);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(async () => (await namesOfProcesses()).filter((name) => name.includes('sleep 4321'))).toEqual([]);
  });

  test('--timeout ends the command and gives 124', async () => {
    const child = startIsolate(['-q', ...way.root, '--timeout', '1', '--', 'sleep', '100']);
    expect((await finished(child)).status).toBe(124);
  });

  test('--kill-after sets the time after SIGTERM, by a time limit or from outside', async () => {
    const script = "trap 'echo term' TERM; echo ready; while :; do sleep 0.5; echo tick; done";
    const limited = await finished(startIsolate(['-q', ...way.root, '--timeout', '1', '--kill-after', '1', '--', 'sh', '-c', script]));
    const asked = startIsolate(['-q', ...way.root, '--kill-after', '1', '--', 'sh', '-c', script]);
    asked.stdout?.once('data', () => asked.kill('SIGTERM'));
    const ended = await finished(asked);
    // With the default of ten seconds it would be about twenty times.
    const ticks = [limited, ended].map(({ stdout }) => stdout.slice(stdout.indexOf('term')).split('tick').length - 1);
    expect({ statuses: [limited.status, ended.status], few: ticks.every((count) => count < 18) }).toEqual({
      statuses: [124, 137],
      few: true,
    });
  });

  test('--kill-after 0 kills at once', async () => {
    const script = "trap '' TERM; echo ready; while :; do sleep 0.5; echo tick; done";
    const { status, stdout } = await finished(
      startIsolate(['-q', ...way.root, '--timeout', '0.2', '--kill-after', '0', '--', 'sh', '-c', script]),
    );
    expect({ status, few: stdout.split('tick').length < 18 }).toEqual({ status: 124, few: true });
  });
});
