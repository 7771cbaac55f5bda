import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { applySettings, makeDirectories, moveInto, removeDirectories } from '../../../src/daemon/group-files.ts';
import { parseMountinfo } from '../../../src/host/mountinfo.ts';
import { createRunGroups } from '../../../src/daemon/run-groups.ts';
import { readOwnHolder } from '../../../src/pool/holder.ts';

const unified = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ type }) => type === 'cgroup2')?.mountpoint;
const canTry = unified !== undefined && process.getuid?.() === 0;

let child: ChildProcess | null = null;
afterEach(() => void child?.kill('SIGKILL'));

test.runIf(canTry)('a process is moved into groups of version 2, which go when it has ended', async () => {
  const path = join(unified ?? '', `isolate-${randomBytes(8).toString('hex')}`);
  const groups = [{ path, settings: [{ file: 'cgroup.max.depth', value: '3' }] }];
  child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  await makeDirectories(groups);
  await moveInto(groups, child.pid ?? 0);
  await applySettings(groups);
  const found = ['cgroup.procs', 'cgroup.max.depth'].map((file) => readFileSync(join(path, file), 'utf8'));
  expect(found).toEqual([`${child.pid}\n`, '3\n']);
  const removed = removeDirectories(groups);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await removed;
  expect(existsSync(path)).toBe(false);
});

test.runIf(canTry)('where one group cannot be made none is left', async () => {
  const path = join(unified ?? '', `isolate-${randomBytes(8).toString('hex')}`);
  const groups = [
    { path, settings: [] },
    { path: '/proc/nowhere', settings: [] },
  ];
  await expect(makeDirectories(groups)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(existsSync(path)).toBe(false);
});

test.runIf(canTry)('a run whose limits cannot be set is told why, and leaves no group', async () => {
  const place = { version: 2, directory: unified ?? '' } as const;
  const { open, join: enter } = createRunGroups(() => ({ cpu: place, memory: place, pids: place, others: [] }));
  const ends: (() => void)[] = [];
  child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const holder = { ...readOwnHolder(), pid: child.pid ?? 0, startTime: readStart(child.pid ?? 0) };
  const peer = { uid: 54_321, gid: 54_321, groups: [], pid: holder.pid, holder };
  const runId = randomBytes(8).toString('hex');
  const opened = open({ run: { runId, remove: () => {} }, peer, defer: (action) => void ends.push(action) }, { memoryBytes: 1_000_000 });
  const directory = join(place.directory, `isolate-${runId}`);
  expect(opened).toEqual({ run: runId, directories: [{ path: directory, settings: [{ file: 'memory.max', value: '1000000' }] }] });
  await expect(enter(peer, runId)).rejects.toMatchObject({
    code: 'cannot-enforce',
    message: `The limits of the run cannot be set: ENOENT: no such file or directory, open '${directory}/memory.max'.`,
  });
  await expect(enter(peer, runId)).rejects.toMatchObject({ code: 'not-permitted' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (const end of ends) end();
  await expect.poll(() => existsSync(directory)).toBe(false);
});

function readStart(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? '';
}
