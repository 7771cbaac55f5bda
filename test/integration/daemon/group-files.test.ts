import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';

import { applySettings, hastenMoves, makeDirectories, moveInto, removeDirectories } from '../../../src/daemon/group-files.ts';
import { parseMountinfo } from '../../../src/host/mountinfo.ts';
import type { Held } from '../../../src/daemon/held.ts';
import { createRunGroups } from '../../../src/daemon/run-groups.ts';
import type { CgroupController, CgroupFacts } from '../../../src/host/facts.ts';
import { probeCgroupsBeside } from '../../../src/host/probe.ts';
import { ensureRuntimeDirectories } from '../../../src/pool/directories.ts';
import { endGroups } from '../../../src/pool/claims/end-groups.ts';
import { formatHolder, type HolderId, isAlive, readHolder, readOwnHolder } from '../../../src/pool/holder.ts';
import { runtimePaths } from '../../../src/pool/paths.ts';
import { sweepRuns } from '../../../src/pool/claims/runs.ts';

const unified = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ type }) => type === 'cgroup2')?.mountpoint;
const canTry = unified !== undefined && process.getuid?.() === 0;

let child: ChildProcess | null = null;
afterEach(() => void child?.kill('SIGKILL'));

test.runIf(canTry)('a process is moved into groups of version 2, which are removed when it has ended', async () => {
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
  expect(child.exitCode).toBe(null);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await removed;
  expect(existsSync(path)).toBe(false);
});

test('a move that is begun in advance leaves the daemon in its groups', async () => {
  const before = readFileSync('/proc/self/cgroup', 'utf8');
  await hastenMoves();
  expect(readFileSync('/proc/self/cgroup', 'utf8')).toBe(before);
});

test.runIf(canTry)('if one group cannot be made, none is left', async () => {
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
  const ends: Parameters<Held['defer']>[0][] = [];
  child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const holder = { ...readOwnHolder(), pid: child.pid ?? 0, startTime: readStart(child.pid ?? 0) };
  const peer = { uid: 54_321, gid: 54_321, rights: 'user' as const, groups: [], pid: holder.pid, holder };
  const runId = randomBytes(8).toString('hex');
  const opened = open(
    {
      run: { runId, describe: () => {}, remove: () => {}, removal: { kind: 'unlink', path: '/' } },
      peer,
      defer: (action) => void ends.push(action),
    },
    { memoryBytes: 1_000_000 },
  );
  const directory = join(place.directory, `isolate-${runId}`);
  expect(opened).toEqual({ run: runId, directories: [{ path: directory, settings: [{ file: 'memory.max', value: '1000000' }] }] });
  await expect(enter(peer, runId)).rejects.toMatchObject({
    code: 'cannot-enforce',
    message: `The limits of the run cannot be set: ENOENT: no such file or directory, open '${directory}/memory.max'.`,
  });
  await expect(enter(peer, runId)).rejects.toMatchObject({ code: 'not-permitted' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (const end of ends) end(false, { kind: 'closed' });
  await expect.poll(() => existsSync(directory)).toBe(false);
});

/** Of either version, as far as this host has them. */
const { memory, pids } = probeCgroupsBeside();
const places: readonly CgroupFacts[] = [
  ...(unified === undefined ? [] : [allIn({ version: 2, directory: unified })]),
  ...(memory?.version === 1 && pids?.version === 1 ? [{ cpu: null, memory, pids, others: [] }] : []),
];

function allIn(place: CgroupController): CgroupFacts {
  return { cpu: place, memory: place, pids: place, others: [] };
}

/** A shell with a child of its own, both of which sleep, and are killed in the end. */
async function startTwo(): Promise<readonly [parent: number, child: number]> {
  child = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const pair = [child.pid ?? 0, Number(line.toString())] as const;
  onTestFinished(() => {
    for (const pid of pair) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return pair;
}

const isRunning = (pid: number): boolean => {
  const holder = readHolder(pid);
  return holder !== null && isAlive(holder, holder.bootId);
};

/** The groups of `facts` for a run of the user 54321, and what ends its lease. */
function openGroups(facts: CgroupFacts, pid: number) {
  const runId = randomBytes(8).toString('hex');
  const groups = createRunGroups(() => facts);
  const ends: Parameters<Held['defer']>[0][] = [];
  const holder = readHolder(pid);
  const peer = { uid: 54_321, gid: 54_321, rights: 'user' as const, groups: [], pid, holder };
  // Version 2 without controllers has neither file; what is not limited needs none.
  const opened = groups.open(
    {
      run: { runId, describe: () => {}, remove: () => {}, removal: { kind: 'unlink', path: '/' } },
      peer,
      defer: (action) => void ends.push(action),
    },
    { memoryBytes: 2 ** 40, pids: 1000 },
  );
  const directories = opened?.directories.map(({ path }) => path) ?? [];
  onTestFinished(() => endGroups(directories, { attempts: 20, ref: true }));
  const end = (runsOn: boolean): void => {
    for (const action of ends) action(runsOn, { kind: 'closed' });
  };
  return { runId, directories, peer, join: groups.join, end };
}

const left = (directories: readonly string[]): readonly string[] => directories.filter((path) => existsSync(path));

test.runIf(canTry).each(places)('what is in the groups of a run ends with its lease, and nothing joins them later', async (facts) => {
  const [parent, sleeper] = await startTwo();
  const { runId, directories, peer, join: enter, end } = openGroups(facts, parent);
  // Where version 2 has no controllers for this group the limits cannot be set, but the process is in it.
  await enter(peer, runId).catch(() => undefined);
  for (const path of directories) writeFileSync(join(path, 'cgroup.procs'), String(sleeper));
  expect(left(directories)).toEqual(directories);
  end(false);
  await expect.poll(() => left(directories)).toEqual([]);
  await expect.poll(() => [parent, sleeper].map(isRunning)).toEqual([false, false]);
  await expect(enter(peer, runId)).rejects.toMatchObject({ code: 'not-permitted' });
});

test.runIf(canTry).each(places)('a run that its daemon leaves keeps its groups until a refresh finds it dead', async (facts) => {
  const [parent, sleeper] = await startTwo();
  const { runId, directories, peer, join: enter, end } = openGroups(facts, parent);
  await enter(peer, runId).catch(() => undefined);
  for (const path of directories) writeFileSync(join(path, 'cgroup.procs'), String(sleeper));
  end(true);
  const paths = runtimePaths(mkdtempSync(join(tmpdir(), 'isolate-groups-')));
  onTestFinished(() => rmSync(paths.root, { recursive: true }));
  ensureRuntimeDirectories(paths, 0);
  const groupsIn = directories.map(dirname);
  const description = { template: 'tank/a', clone: '1', engine: 'bwrap', command: ['x'], uid: 54_321, sinceMs: 0, groupsIn };
  const claim = (holder: HolderId): void =>
    writeFileSync(join(paths.runs, `${runId}.${formatHolder(holder)}`), JSON.stringify(description));
  const own = readOwnHolder();
  claim(own);
  await sweepRuns(paths, groupsIn, own.bootId, Date.now());
  expect({ left: left(directories), running: [parent, sleeper].map(isRunning) }).toEqual({ left: directories, running: [true, true] });
  rmSync(paths.runs, { recursive: true });
  ensureRuntimeDirectories(paths, 0);
  claim({ ...own, startTime: '1' });
  await expect
    .poll(async () => {
      await sweepRuns(paths, [], own.bootId, Date.now());
      return [left(directories), readdirSync(paths.runs)];
    })
    .toEqual([[], []]);
  await expect.poll(() => [parent, sleeper].map(isRunning)).toEqual([false, false]);
});

test.runIf(canTry).each(places)('a process that is not certain to be of the run is not killed with the groups', async (facts) => {
  const [parent] = await startTwo();
  const { directories } = openGroups(facts, parent);
  const groups = directories.map((path) => ({ path, settings: [] }));
  await makeDirectories(groups);
  await moveInto(groups, parent);
  await endGroups(directories, { attempts: 2, ref: true });
  expect({ left: left(directories), running: isRunning(parent) }).toEqual({ left: directories, running: true });
});

function readStart(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? '';
}
