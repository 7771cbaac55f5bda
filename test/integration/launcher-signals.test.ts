import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { planStage } from '../../src/engine/stage.ts';
import { readHolder } from '../../src/pool/holder.ts';
import { answerWithLaunches, installClient } from '../rig/client.ts';
import { bareLaunch, launcherPath, run, start, startedLaunch, type Wrapping, wrappedLaunch } from '../rig/launches.ts';

const wrappings: readonly Wrapping[] = ['bare', 'init', 'bwrap'];
const handled = ['INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH', 'TERM'];

/** A command that says which signals it gets, once it says `ready`, and ends at SIGUSR2. */
const waiting = [
  ...handled.map((signal) => `trap 'echo ${signal}; [ ${signal} = USR2 ] && exit 7' ${signal}`),
  'echo ready',
  // Not `wait`: bash misses a signal that comes right before it.
  'while :; do sleep 0.1; done',
].join('\n');

function lines(stream: NodeJS.ReadableStream | null): { next: () => Promise<string> } {
  let data = '';
  const watchers: (() => void)[] = [];
  stream?.on('data', (chunk: Buffer) => {
    data += chunk.toString();
    for (const watcher of watchers.splice(0)) watcher();
  });
  return {
    next: async () => {
      while (!data.includes('\n')) await new Promise<void>((resolve) => watchers.push(resolve));
      const line = data.slice(0, data.indexOf('\n'));
      data = data.slice(line.length + 1);
      return line;
    },
  };
}

/** Waits until `/proc` says that the process is in one of `states`, or is gone for state X; the state. */
async function inState(pid: number, states: string): Promise<string> {
  for (;;) {
    const stat = readStat(pid);
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
    if (states.includes(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What comes of an attempt with a deadline that leaves the command the time to begin: null is one that did not. */
async function inTime<T>(attempt: (deadlineMs: number) => Promise<T | null>): Promise<T> {
  for (let deadlineMs = 2500; ; deadlineMs *= 2) {
    const result = await attempt(deadlineMs);
    if (result !== null) return result;
  }
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return ') X';
  }
}

describe.each(wrappings)('a command started %s', (wrapping) => {
  it('gets each signal once, itself', async () => {
    const { handle } = await startedLaunch(wrappedLaunch(wrapping, ['/bin/bash', '-c', waiting]));
    const output = lines(handle.stdout);
    expect(await output.next()).toBe('ready');
    const received: string[] = [];
    for (const signal of ['INT', 'HUP', 'QUIT', 'USR1', 'WINCH', 'TERM', 'USR2']) {
      handle.forward(`SIG${signal}` as NodeJS.Signals);
      received.push(await output.next());
    }
    expect({ received, result: await handle.result }).toEqual({
      received: ['INT', 'HUP', 'QUIT', 'USR1', 'WINCH', 'TERM', 'USR2'],
      result: { kind: 'exited', code: 7 },
    });
  });

  it('is stopped by SIGTSTP and goes on by SIGCONT', async () => {
    const { handle, pid } = await startedLaunch(wrappedLaunch(wrapping, ['/bin/sleep', '60']));
    handle.forward('SIGTSTP');
    // Our own child is the leader of an orphaned group without a wrapper, where SIGTSTP does nothing.
    if (wrapping !== 'bare') await inState(pid, 'T');
    handle.forward('SIGCONT');
    await inState(pid, 'SR');
    handle.forward('SIGTERM');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGTERM' });
  });

  it('is killed by a second SIGTERM', async () => {
    const { handle } = await startedLaunch(
      wrappedLaunch(wrapping, ['/bin/bash', '-c', 'trap "echo no" TERM; echo ready; while :; do sleep 0.1; done']),
    );
    const output = lines(handle.stdout);
    expect(await output.next()).toBe('ready');
    handle.forward('SIGTERM');
    expect(await output.next()).toBe('no');
    handle.forward('SIGTERM');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
  });

  it('is killed when the grace time after SIGTERM is over', async () => {
    const { handle } = await startedLaunch(
      wrappedLaunch(wrapping, ['/bin/bash', '-c', 'trap "echo no" TERM; echo ready; while :; do sleep 0.1; done'], { graceMs: 100 }),
    );
    const output = lines(handle.stdout);
    expect(await output.next()).toBe('ready');
    handle.forward('SIGTERM');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
  });

  it('gets SIGTERM at its deadline, and its run has timed out however it then ends', async () => {
    const script = 'trap "echo heard; exit 3" TERM; while :; do sleep 0.05; done';
    const ended = await inTime(async (deadlineMs) => {
      const end = await run(wrappedLaunch(wrapping, ['/bin/bash', '-c', script], { deadlineMs }));
      return end.stdout === '' ? null : end;
    });
    expect(ended).toEqual({ result: { kind: 'timed-out' }, stdout: 'heard\n', stderr: '' });
  });

  it('is killed at its deadline when it had SIGTERM before', async () => {
    const script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    const result = await inTime(async (deadlineMs) => {
      const handle = await start(wrappedLaunch(wrapping, ['/bin/bash', '-c', script], { deadlineMs }));
      const first = await Promise.race([lines(handle.stdout).next(), handle.result]);
      if (first !== 'ready') return null;
      handle.forward('SIGTERM');
      return await handle.result;
    });
    expect(result).toEqual({ kind: 'timed-out' });
  });

  it('that ends before its deadline keeps its status', async () => {
    const { result } = await run(wrappedLaunch(wrapping, ['/bin/sh', '-c', 'exit 3'], { deadlineMs: 600_000 }));
    expect(result).toEqual({ kind: 'exited', code: 3 });
  });

  it('that is stopped reaches its deadline when it is continued', async () => {
    const stopped = wrapping === 'bare' ? 'S' : 'T';
    const result = await inTime(async (deadlineMs) => {
      const started = await startedLaunch(wrappedLaunch(wrapping, ['/bin/sleep', '60'], { deadlineMs })).catch(() => null);
      if (started === null) return null;
      const { handle, pid } = started;
      handle.forward('SIGTSTP');
      if ((await inState(pid, `${stopped}XZ`)) !== stopped) return null;
      await delay(deadlineMs + 500);
      await inState(pid, stopped);
      handle.forward('SIGCONT');
      return await handle.result;
    });
    expect(result).toEqual({ kind: 'timed-out' });
  });

  it('ends when the caller aborts', async () => {
    const controller = new AbortController();
    const { handle } = await startedLaunch(wrappedLaunch(wrapping, ['/bin/sleep', '60']), { signal: controller.signal });
    controller.abort();
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGTERM' });
  });

  it('is never executed when the caller had aborted before', async () => {
    const { result, stdout } = await run(wrappedLaunch(wrapping, ['/bin/sh', '-c', 'sleep 2; echo ran']), { signal: AbortSignal.abort() });
    expect({ result, stdout }).toEqual({ result: { kind: 'killed', signal: 'SIGTERM' }, stdout: '' });
  });

  it('dies with the launcher when that is killed', async () => {
    const { handle, pid } = await startedLaunch(wrappedLaunch(wrapping, ['/bin/sleep', '60']));
    process.kill(handle.pid, 'SIGKILL');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
    await inState(pid, 'XZ');
  });

  it('gives the signal when it is killed from outside', async () => {
    const { handle, pid } = await startedLaunch(wrappedLaunch(wrapping, ['/bin/sleep', '60']));
    process.kill(pid, 'SIGKILL');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
  });

  it('does not get signals that other processes than the parent send to the launcher', async () => {
    const { handle } = await startedLaunch(wrappedLaunch(wrapping, ['/bin/bash', '-c', waiting]));
    const output = lines(handle.stdout);
    expect(await output.next()).toBe('ready');
    const other = spawn('sh', ['-c', `kill -USR2 ${handle.pid}`]);
    await once(other, 'close');
    handle.forward('SIGUSR1');
    expect(await output.next()).toBe('USR1');
    handle.forward('SIGUSR2');
    expect(await handle.result).toEqual({ kind: 'exited', code: 7 });
  });
});

const ways = ['through Node', 'by the client'] as const;
const cases = ways.flatMap((way) => wrappings.map((wrapping) => [wrapping, way] as const));
it("ends an engine's own processes when it is killed, even one that waits for the engine without end", async () => {
  // The engine is killed with the launcher, and nothing tells its child.
  const args = ['/bin/sh', '-c', 'sleep 1000 & echo $!; wait'] as const;
  const { descriptors } = planStage({ command: ['true'], environment: {}, seccomp: false });
  const handle = await start(bareLaunch([...args], { descriptors }));
  handle.result.catch(() => undefined);
  const pid = Number(await lines(handle.stdout).next());
  process.kill(handle.pid, 'SIGKILL');
  await expect.poll(() => readHolder(pid)).toBe(null);
});

describe.each(cases)('a program that forwards its signals to a command started %s %s', (wrapping, way) => {
  /** A program that starts `script` in a shell. */
  async function startProgram(script: string): Promise<ChildProcess> {
    const env = { ...process.env, ISOLATE_TEST_LAUNCHER: await launcherPath() };
    if (way === 'by the client') await answerWithLaunches();
    const [file = '', ...args] =
      way === 'by the client' ? [await installClient()] : [process.execPath, join(import.meta.dirname, '../rig/launch-main.ts')];
    return spawn(file, [...args, wrapping, '/bin/bash', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'], env });
  }

  it('gets none of them itself, SIGUSR1 neither', async () => {
    const child = await startProgram(waiting);
    const output = lines(child.stdout);
    expect(await output.next()).toBe('ready');
    const received: string[] = [];
    for (const signal of handled.filter((name) => name !== 'USR2')) {
      child.kill(`SIG${signal}` as NodeJS.Signals);
      received.push(await output.next());
    }
    child.kill('SIGUSR2');
    const [code] = (await once(child, 'close')) as [number];
    expect({ received, code }).toEqual({ received: handled.filter((name) => name !== 'USR2'), code: 7 });
  });

  it('takes the command with it when it is killed', async () => {
    const child = await startProgram('echo $PPID; exec sleep 60');
    await lines(child.stdout).next();
    child.kill('SIGKILL');
    // The pipe is at its end only when nothing of the run has it open any more.
    expect(await text(child.stdout!)).toBe('');
  });
});
