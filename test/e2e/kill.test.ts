import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { describe, expect, test } from 'vitest';

import type { RunsDocument } from '../../src/status/status.ts';
import { commandLine } from '../rig/command-line.ts';
import { startIsolate } from '../rig/isolate.ts';
import { useWay, ways } from '../rig/ways.ts';

interface Started {
  readonly runId: string;
  readonly pid: number;
  /** Exit status of isolate. */
  readonly end: Promise<number | null>;
}

function listRuns(): RunsDocument['runs'] {
  return (JSON.parse(commandLine(['ps', '--json']).stdout) as RunsDocument).runs;
}

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  /** A run of `script`, which says "begun" once it may be killed. */
  async function begin(script: string): Promise<Started> {
    const before = new Set(listRuns().map(({ runId }) => runId));
    const child = startIsolate(['-q', ...way.root, 'sh', '-c', script]);
    const end = once(child, 'exit').then(([code]) => code as number | null);
    await once(createInterface({ input: child.stdout! }), 'line');
    const run = listRuns().find(({ runId }) => !before.has(runId))!;
    return { runId: run.runId, pid: run.pid, end };
  }

  test('a run can be named by the beginning of its id, and kill returns when it has ended', async () => {
    const { runId, end } = await begin('echo begun; exec sleep 600');
    expect(commandLine(['kill', runId.slice(0, 8)])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(listRuns().filter((run) => run.runId === runId)).toEqual([]);
    expect(await end).toBe(143);
  });

  test('a run can be named by its PID, and is printed as JSON when it has ended', async () => {
    const { runId, pid, end } = await begin('echo begun; exec sleep 600');
    const { status, stdout } = commandLine(['kill', '--json', String(pid)]);
    expect({ status, ended: (JSON.parse(stdout) as { ended: { runId: string }[] }).ended.map((run) => run.runId) }).toEqual({
      status: 0,
      ended: [runId],
    });
    expect(await end).toBe(143);
  });

  test('with --now a command that ignores SIGTERM ends too', async () => {
    const { runId, end } = await begin('trap "" TERM; echo begun; while :; do sleep 1; done');
    expect(commandLine(['kill', '--now', runId])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await end).toBe(137);
  });

  test('nothing is signalled from another pid namespace, where the PID is another process', async () => {
    const { runId, pid, end } = await begin('echo begun; exec sleep 600');
    const inside = `echo ${pid - 1} > /proc/sys/kernel/ns_last_pid; sleep 600 & "$@" >&2; kill -0 ${pid} && echo "$! lives"`;
    const command = [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts'), 'kill', runId];
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', inside, 'sh', ...command],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect({ stdout, stderr }).toEqual({
      stdout: `${pid} lives\n`,
      stderr: {
        // Without a daemon it is asked there whether the run lives.
        node: `isolate: There is no run "${runId}".\nhint: isolate ps lists the runs\n`,
        daemon:
          `isolate: Run ${runId} is in another pid namespace: its PID ${pid} is a different process here.\n` +
          'hint: run isolate kill outside the container\n',
      }[name],
    });
    commandLine(['kill', runId]);
    expect(await end).toBe(143);
  });

  test('a word that matches no run or several ends none', async () => {
    const { runId, end } = await begin('echo begun; exec sleep 600');
    expect({
      unknown: commandLine(['kill', 'zzzz']),
      empty: commandLine(['kill', '']),
      none: commandLine(['kill']),
      other: commandLine(['kill', runId, 'zzzz']),
    }).toEqual({
      unknown: { status: 1, stdout: '', stderr: 'isolate: There is no run "zzzz".\nhint: isolate ps lists the runs\n' },
      empty: { status: 1, stdout: '', stderr: 'isolate: There is no run "".\nhint: isolate ps lists the runs\n' },
      other: { status: 1, stdout: '', stderr: 'isolate: There is no run "zzzz".\nhint: isolate ps lists the runs\n' },
      none: { status: 2, stdout: '', stderr: 'isolate: No run was given.\nhint: isolate ps lists the runs\n' },
    });
    expect(listRuns().length).toBe(1);
    commandLine(['kill', runId]);
    expect(await end).toBe(143);
  });
});
