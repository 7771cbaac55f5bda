import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { planExec, planToolInRun } from '../../src/engine/exec.ts';
import { stageCommandNumber } from '../../src/engine/stage.ts';
import type { Inside, Join } from '../../src/launch/join.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { readHolder } from '../../src/pool/holder.ts';
import { run, startedLaunch, type Wrapping, wrappedLaunch } from '../rig/launches.ts';

const runId = '0123456789abcdef';
const inside: Inside = {
  run: runId,
  capabilities: { held: 'callers', mask: 0 },
  noNewPrivileges: false,
  noGroups: false,
  variable: 'ENGINE=its own',
  filter: null,
  workingDirectory: '/usr',
  command: stageCommandNumber,
};

type Joined = Omit<Join, 'kind'> & { readonly engine: string };

/** A run of `script` that others can join, until the test has ended. */
async function begin(wrapping: Wrapping, script: string, changes: Partial<Launch> = {}) {
  const launch = wrappedLaunch(wrapping, ['/bin/sh', '-c', script]);
  const { handle, pid } = await startedLaunch({ ...launch, inside, ...changes });
  onTestFinished(async () => {
    handle.forward('SIGTERM');
    handle.forward('SIGTERM');
    await handle.result;
  });
  const joined: Joined = { engine: 'bwrap', run: runId, holder: readHolder(handle.pid)! };
  return { handle, pid, joined };
}

const exec = (joined: Joined, ...command: [string, ...string[]]) => run(planExec(joined, { command, environment: { OWN: 'x' } }));

describe.each(['init', 'bwrap'] as const)('a command that joins a run %s', (wrapping) => {
  it('is in all its namespaces and its directory, with its variables and those of its own', async () => {
    const { pid, joined } = await begin(wrapping, 'exec sleep 600');
    const names = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
    const script = `for n in ${names.join(' ')}; do readlink /proc/self/ns/$n; done; pwd; env | grep -E "^(ENGINE|OWN|PATH)=" | sort`;
    const { stdout, result } = await exec(joined, '/bin/sh', '-c', script);
    const links = names.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
    expect({ lines: stdout.split('\n'), result }).toEqual({
      lines: [...links, '/usr', 'ENGINE=its own', 'OWN=x', 'PATH=/usr/bin:/bin', ''],
      result: { kind: 'exited', code: 0 },
    });
  });

  it('is killed with the run', async () => {
    const { handle, joined } = await begin(wrapping, 'exec sleep 600');
    const other = await startedLaunch(planExec(joined, { command: ['sleep', '600'], environment: {} }));
    handle.forward('SIGTERM');
    expect(await Promise.all([handle.result, other.handle.result])).toEqual([
      { kind: 'killed', signal: 'SIGTERM' },
      { kind: 'killed', signal: 'SIGKILL' },
    ]);
  });

  it('leaves what it started to the run', async () => {
    const { joined } = await begin(wrapping, 'exec sleep 600');
    await exec(joined, '/bin/sh', '-c', 'sleep 601 > /dev/null 2>&1 &');
    expect(
      (await exec(joined, '/bin/sh', '-c', 'cat /proc/*/cmdline | tr "\\0" " " | grep -o "sleep 60[0-9]"')).stdout.split('\n'),
    ).toEqual(expect.arrayContaining(['sleep 600', 'sleep 601']));
  });

  it('starts no process in the run if the filter cannot be read', async () => {
    const { joined } = await begin(wrapping, 'exec sleep 600', { inside: { ...inside, filter: '/nonexistent' } });
    await expect(exec(joined, 'true')).rejects.toThrow('The launch failed in the step filter-file');
  });
});

it('a tool sees the files of a run and none of its processes', async () => {
  const { joined } = await begin('bwrap', 'exec sleep 600');
  const tool = join('/bin', 'busybox');
  const { stdout } = await run(planToolInRun(tool, ['readlink', '/proc/self/ns/pid'], joined));
  const seen = await run(planToolInRun(tool, ['ls', '-d', '/dev/pts', '/dev/mem'], joined));
  // /proc there is that of the run, in which the tool has no number.
  expect({ stdout, files: seen.stdout }).toEqual({ stdout: '', files: '/dev/pts\n' });
});

it('a run is joined only under its own id, while the process that started it lives and after its command was started', async () => {
  const { joined, handle } = await begin('bwrap', 'exec sleep 600');
  const later = { ...joined, holder: { ...joined.holder, startTime: String(Number(joined.holder.startTime) + 1) } };
  const other = { ...joined, run: '0123456789abcdee' };
  await expect(exec(later, 'true')).rejects.toThrow(`Run ${runId} has ended.`);
  await expect(exec(other, 'true')).rejects.toThrow('Run 0123456789abcdee has not started its command yet');
  expect((await exec(joined, 'true')).result).toEqual({ kind: 'exited', code: 0 });
  handle.forward('SIGTERM');
  await handle.result;
  await expect(exec(joined, 'true')).rejects.toThrow(`Run ${runId} has ended.`);
});

it('the record of a run is for those that may look at its launcher alone, and cannot be changed', async () => {
  const { joined } = await begin('bwrap', 'exec sleep 600');
  const kept = `/proc/${joined.holder.pid}/fd/199`;
  expect({ name: readlinkSync(kept), magic: readFileSync(kept).toString('latin1', 0, 8) }).toEqual({
    name: '/memfd:isolate-record (deleted)',
    magic: 'ISOLREC1',
  });
  const { stdout } = await exec(joined, '/bin/sh', '-c', `ls /proc/*/fd | grep -c '^199$'`);
  expect(stdout).toBe('0\n');
});
