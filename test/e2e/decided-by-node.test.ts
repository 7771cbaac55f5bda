import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

import { templateKey } from '../../src/pool/paths.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { useWay } from '../rig/ways.ts';

const way = useWay('node');

/** The names of the programs that the children of a process execute. */
function programs(pid: number | undefined): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children.split(' ').map((child) => {
    try {
      return basename(readlinkSync(`/proc/${child}/exe`));
    } catch {
      return '';
    }
  });
}

/** Starts a command that says it is there and ends with its input. */
async function startWaiting(...options: readonly string[]): Promise<ReturnType<typeof startIsolate>> {
  const child = startIsolate(['-q', ...way.root, ...options, '--', 'sh', '-c', 'echo ready; read word; exit 7']);
  await once(child.stdout!, 'data');
  return child;
}

/** Claims of runs that were killed stay until a refresh. */
const before = readDirectory('/run/isolate/runs');
const newRuns = (): string[] => readDirectory('/run/isolate/runs').filter((name) => !before.includes(name));

test('while the command runs Node is gone, and what the run has is its client’s', async () => {
  const child = await startWaiting();
  await expect.poll(() => programs(child.pid)).toEqual(['bwrap']);
  expect(newRuns().map((name) => Number(name.split('.')[1]))).toEqual([child.pid]);
  child.stdin?.end('word\n');
  expect(await finished(child)).toEqual({ status: 7, signal: null, stdout: '', stderr: '' });
  expect(newRuns()).toEqual([]);
});

test('a run on a directory itself leaves no directories of a pool', async () => {
  expect((await isolate(['-q', ...way.root, '--', 'true'])).status).toBe(0);
  const key = templateKey(way.directory);
  expect(['pools', 'mnt', 'signal'].filter((name) => readDirectory(join('/run/isolate', name)).includes(key))).toEqual([]);
});

test('for hooks Node stays in place of the client, however they are written', async () => {
  for (const words of [['--post-hook', 'echo hook'], ['--post-hook=echo hook']]) {
    const child = await startWaiting(...words);
    expect(programs(child.pid)).toEqual(['isolate-launch']);
    child.stdin?.end('word\n');
    expect(await finished(child)).toEqual({ status: 7, signal: null, stdout: '', stderr: 'hook\n' });
  }
});

test('what is wrong with a command line Node says, and the client ends as Node does', async () => {
  expect(await isolate(['-t', '/no/such', 'true'])).toEqual({
    status: 125,
    signal: null,
    stdout: '',
    stderr: 'isolate: There is no template directory /no/such.\n',
  });
});
