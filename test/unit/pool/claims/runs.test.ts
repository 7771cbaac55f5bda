import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureRuntimeDirectories } from '../../../../src/pool/directories.ts';
import { formatHolder, readOwnHolder } from '../../../../src/pool/holder.ts';
import { runtimePaths } from '../../../../src/pool/paths.ts';
import { claimRun, readRuns, sweepRuns } from '../../../../src/pool/claims/runs.ts';

const own = readOwnHolder();
const dead = { ...own, startTime: '1' };
const description = { template: 'tank/debian', clone: '1', engine: 'bwrap', command: ['true'], uid: 0, sinceMs: 0 };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-runs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('runs that live are read from their claims, the oldest first; what is no whole claim is passed over', () => {
  const paths = runtimePaths(join(directory, 'run'));
  ensureRuntimeDirectories(paths, process.getuid?.() ?? 0);
  const late = claimRun(paths, { ...description, uid: 4_000_000_000, clone: null, sinceMs: 2 }, own);
  const early = claimRun(paths, { ...description, sinceMs: 1 }, own);
  claimRun(paths, description, dead);
  // Of these dates there is none.
  const odd = ['-1', '-1e308', '0.5', '9e15'].map((sinceMs) => JSON.stringify(description).replace('"sinceMs":0', `"sinceMs":${sinceMs}`));
  const name = (id: string): string => join(paths.runs, `${id.repeat(16)}.${formatHolder(own)}`);
  for (const [index, text] of ['', '{', 'null', '{"template":"a"}', JSON.stringify({ ...description, command: [1] }), ...odd].entries()) {
    writeFileSync(name(String(index)), text);
  }
  const { pid, startTime } = own;
  const shown = { ...description, pid, startTime, pidNamespace: readlinkSync('/proc/self/ns/pid') };
  expect(readRuns(paths, own.bootId)).toEqual([
    { ...shown, runId: early.runId, user: 'root', sinceMs: 1 },
    { ...shown, runId: late.runId, user: null, uid: 4_000_000_000, clone: null, sinceMs: 2 },
  ]);
});

describe('what runs leave', () => {
  test('is where their claims say, which stay until the groups can be removed', async () => {
    const paths = runtimePaths(join(directory, 'run'));
    ensureRuntimeDirectories(paths, process.getuid?.() ?? 0);
    const cgroups = join(directory, 'daemon');
    const living = claimRun(paths, { ...description, groupsIn: [cgroups] }, own);
    const killed = claimRun(paths, { ...description, groupsIn: ['/nonexistent', cgroups] }, dead);
    const names = [living, killed].map(({ runId }) => `isolate-${runId}`);
    for (const name of names) mkdirSync(join(cgroups, name), { recursive: true });
    const busy = join(cgroups, `isolate-${killed.runId}`, 'process');
    writeFileSync(busy, '');
    await sweepRuns(paths, [], own.bootId, Date.now());
    expect({ cgroups: readdirSync(cgroups).length, runs: readdirSync(paths.runs).length }).toEqual({ cgroups: 2, runs: 2 });
    rmSync(busy);
    await sweepRuns(paths, [], own.bootId, Date.now());
    expect(readdirSync(cgroups)).toEqual([`isolate-${living.runId}`]);
    expect(readdirSync(paths.runs)).toEqual([`${living.runId}.${formatHolder(own)}`]);
    expect(Object.keys(readRuns(paths, own.bootId)[0] ?? {})).not.toContain('groupsIn');
  });

  test('is nothing after an orderly end', () => {
    const paths = runtimePaths(join(directory, 'run'));
    ensureRuntimeDirectories(paths, process.getuid?.() ?? 0);
    const run = claimRun(paths, description);
    expect(run.runId).toMatch(/^[0-9a-f]{16}$/);
    expect(readdirSync(paths.runs)).toEqual([`${run.runId}.${formatHolder(own)}`]);
    run.remove();
    expect(readdirSync(paths.runs)).toEqual([]);
  });

  test('is removed if they are dead, cgroups too, and kept if they live', async () => {
    const paths = runtimePaths(join(directory, 'run'));
    ensureRuntimeDirectories(paths, process.getuid?.() ?? 0);
    const cgroups = join(directory, 'cgroup');
    const living = claimRun(paths, description, own);
    const killed = claimRun(paths, description, dead);
    const starting = '0123456789abcdef';
    for (const id of [living.runId, killed.runId, starting]) mkdirSync(join(cgroups, `isolate-${id}`, 'lxc'), { recursive: true });
    mkdirSync(join(cgroups, 'isolate-other'));
    expect(await sweepRuns(paths, [cgroups, '/nonexistent'], own.bootId, Date.now())).toEqual([killed.runId]);
    expect(readdirSync(paths.runs)).toEqual([`${living.runId}.${formatHolder(own)}`]);
    expect(readdirSync(cgroups).sort()).toEqual([`isolate-${living.runId}`, `isolate-${starting}`, 'isolate-other'].sort());
    await sweepRuns(paths, [cgroups], own.bootId, Date.now() + 61_000);
    expect(readdirSync(cgroups).sort()).toEqual([`isolate-${living.runId}`, 'isolate-other'].sort());
  });
});
