import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { listShelf } from '../rig/shelf.ts';
import { expectSound } from '../rig/sound-pool.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let daemon: Daemon;
beforeAll(async () => {
  template = await makeZfsTemplate({ aligned: true });
});
afterEach(async () => {
  await daemon.end();
  await expectSound(template, 3);
});
afterAll(async () => {
  await template.pool.end();
});

const start = async (): Promise<void> => {
  daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 3\n`);
  await expect.poll(() => fresh().length).toBe(3);
};
const paths = () => poolPaths(runtimePaths(systemRuntimeDirectory), template.dataset);
const fresh = (): readonly string[] => readDirectory(paths().fresh).toSorted();

/** How many clones the host's mount namespace has. */
function countMounted(): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split(`${template.dataset}_`).length - 1;
}

/** A run that lives until its input ends. */
async function startRun(...words: string[]): Promise<ReturnType<typeof startIsolate>> {
  const run = startIsolate(['-q', ...words, '-z', template.dataset, 'sh', '-c', 'echo begun > /file; echo; read line; cat /file']);
  await once(run.stdout!, 'data');
  return run;
}

async function finish(run: ReturnType<typeof startIsolate>): Promise<string> {
  const ended = finished(run);
  run.stdin!.end('\n');
  return (await ended).stdout;
}

test('only clones of live runs with hooks are mounted on the host', async () => {
  await start();
  expect({ mounted: countMounted(), shelf: await listShelf(paths().mounts) }).toEqual({ mounted: 0, shelf: fresh() });
  const served = await startRun();
  // One that is being made is mounted for a moment.
  await expect.poll(countMounted).toBe(0);
  const own = await startRun('--pre-hook', 'touch "$ROOTFS/hooked"');
  await expect.poll(countMounted).toBe(1);
  expect([await finish(served), await finish(own)]).toEqual(['begun\n', 'begun\n']);
  await expect.poll(countMounted).toBe(0);
});

test.each(['isolate-gate shelf', 'isolate-gate broker', 'isolate-node serve'])('no clone is lost when %s is killed', async (name) => {
  await start();
  const run = await startRun();
  await expect.poll(() => fresh().length).toBe(3);
  const before = fresh();
  const main = daemon.process.pid;
  if (name.startsWith('isolate-node')) process.kill(main ?? 0, 'SIGKILL');
  else execFileSync('pkill', ['-KILL', '--parent', String(main), '--full', name]);
  if (name.startsWith('isolate-node')) await once(daemon.process, 'exit');
  if (name.startsWith('isolate-node')) await start();
  expect({ fresh: fresh(), shelf: (await listShelf(paths().mounts)).filter((id) => before.includes(id)) }).toEqual({
    fresh: before,
    shelf: before,
  });
  const next = await isolate(['-q', '-z', template.dataset, 'sh', '-c', 'cat /file 2>/dev/null; echo unused']);
  expect(next).toEqual({ status: 0, signal: null, stdout: 'unused\n', stderr: '' });
  expect(await finish(run)).toBe('begun\n');
});

test('a refresh beside the daemon replaces clones that wait on the shelf', async () => {
  await start();
  const before = fresh();
  expect(await isolate(['refresh', '-q', '--force', template.dataset])).toMatchObject({ status: 0, stderr: '' });
  await expect.poll(() => fresh().length).toBe(3);
  expect(fresh().filter((id) => before.includes(id))).toEqual([]);
  await expect.poll(() => listShelf(paths().mounts)).toEqual(fresh());
});

test('after a restart of zfs-fuse the dead mounts leave the shelf, and new clones come to it', async () => {
  await start();
  const before = fresh();
  await daemon.end();
  await template.pool.stop();
  await template.pool.start();
  expect(await isolate(['refresh', '-q', template.dataset, '3'])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(fresh().filter((id) => before.includes(id))).toEqual([]);
  await start();
  expect(await isolate(['-q', '-z', template.dataset, 'echo', 'it runs'])).toMatchObject({ status: 0, stdout: 'it runs\n', stderr: '' });
});

test('a pool with clones on the shelf is not exported until a refresh has destroyed them', async () => {
  await start();
  await daemon.end();
  expect(() => execFileSync('zpool', ['export', template.pool.name], { stdio: 'pipe' })).toThrow('busy');
  expect(await isolate(['refresh', '-q', '--force', '--skip-create', template.dataset])).toMatchObject({ status: 0, stderr: '' });
  expect(await listShelf(paths().mounts)).toEqual([]);
  // zfs-fuse ends the unmounts some time after it answered.
  await expect.poll(() => spawnSync('zpool', ['export', template.pool.name], { encoding: 'utf8' }).stderr).toBe('');
  execFileSync('zpool', ['import', '-d', template.pool.directory, template.pool.name], { stdio: 'pipe' });
});
