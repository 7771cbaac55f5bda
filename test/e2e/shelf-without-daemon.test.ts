import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { engines } from '../../src/engine/registry.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { claimToRefresh } from '../rig/refresher.ts';
import { isMounted, startShelf, systemShelf } from '../rig/shelf.ts';
import { expectSound } from '../rig/sound-pool.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let stopRefreshing: () => void;
const runs: ReturnType<typeof startIsolate>[] = [];
beforeAll(async () => {
  template = await makeZfsTemplate({ aligned: true });
  await isolate(['refresh', '-q', template.dataset, '3']);
  stopRefreshing = claimToRefresh(template.dataset);
});
afterEach(async () => {
  // Of a test that failed; it would be in the way of all later ones.
  for (const run of runs.splice(0)) {
    if (run.exitCode !== null || run.signalCode !== null) continue;
    const closed = once(run, 'close');
    run.kill('SIGKILL');
    await closed;
  }
  await expectSound(template, 3);
});
afterAll(async () => {
  stopRefreshing();
  await template.pool.end();
});

const paths = () => poolPaths(runtimePaths(systemRuntimeDirectory), template.dataset);
/** The clone that the next run takes, where it is or would be mounted on the host. */
const nextClone = (): string => join(paths().mounts, readDirectory(paths().fresh)[0] ?? '');
const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');

/** Sends the shelf one command. */
async function askShelf(command: string): Promise<number> {
  const { child, ask } = await startShelf(systemShelf);
  const answer = await ask(command);
  child.kill();
  return answer;
}

/** A run that lives until its input ends. */
async function startRun(...words: string[]): Promise<ReturnType<typeof startIsolate>> {
  const run = startIsolate(['-q', ...words, '-z', template.dataset, 'sh', '-c', 'echo begun > /file; cat /file; read line; cat /file']);
  runs.push(run);
  await once(run.stdout!, 'data');
  return run;
}

async function finish(run: ReturnType<typeof startIsolate>): Promise<unknown> {
  run.stdin!.end('\n');
  return await finished(run);
}

const asWritten = { status: 0, signal: null, stdout: 'begun\n', stderr: '' };

test.each(engines.map(({ name }) => name))('a run by root, on %s, mounts nothing on the host', async (engine) => {
  const before = mounts();
  const run = await startRun('-e', engine);
  expect(mounts()).toBe(before);
  expect(await finish(run)).toEqual(asWritten);
  expect(mounts()).toBe(before);
});

test('a run with a hook, which has to see the clone, has it mounted on the host', async () => {
  const path = nextClone();
  const run = await startRun('--post-hook', 'cat "$ROOTFS/file" >&2');
  expect(isMounted(path)).toBe(true);
  expect(await finish(run)).toEqual({ ...asWritten, stderr: 'begun\n' });
});

test('a clone that is mounted on the host is taken from there', async () => {
  const path = nextClone();
  expect(await askShelf(`take ${path}`)).toBe(0);
  const run = await startRun();
  expect({ isMounted: isMounted(path), file: readFileSync(join(path, 'file'), 'utf8') }).toEqual({ isMounted: true, file: 'begun\n' });
  expect(await finish(run)).toEqual(asWritten);
});

test('a clone that is mounted nowhere is retired, and the run takes the next one', async () => {
  const path = nextClone();
  expect(await askShelf(`drop ${path}`)).toBe(0);
  expect(await isolate(['-z', template.dataset, 'echo', 'it runs'])).toEqual({
    status: 0,
    signal: null,
    stdout: 'it runs\n',
    stderr: `isolate: warning: Clone ${path.slice(path.lastIndexOf('/') + 1)} of ${template.dataset} was retired unused: it is no longer mounted.\n`,
  });
});

test('the clone of a run that was killed is given to no other, and leaves with the next refresh', async () => {
  const path = nextClone();
  const run = await startRun();
  run.kill('SIGKILL');
  // Not only isolate, but all of the run.
  await once(run, 'close');
  const others = await Promise.all([1, 2].map(() => isolate(['-q', '-z', template.dataset, 'sh', '-c', 'cat /file; echo unused'])));
  expect(others.map(({ stdout }) => stdout)).toEqual(['unused\n', 'unused\n']);
  await expectSound(template, 3);
  expect(nextClone()).not.toBe(path);
});
