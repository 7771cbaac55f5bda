import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { isolate, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const execFileAsync = promisify(execFile);
/** How often each verb is killed. */
const times = Number(process.env['ISOLATE_TEST_TEMPLATE_KILLS'] ?? 4);
let store = '';
let tree = '';

beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), 'isolate-storm-'));
  tree = await busyboxRootfs();
});

const path = (name: string): string => join(store, name);

/** A template whose every file says `text`. */
async function make(name: string, text: string): Promise<void> {
  await rm(path(name), { recursive: true, force: true });
  await execFileAsync('cp', ['-a', tree, path(name)]);
  await mkdir(join(path(name), 'many'));
  await Promise.all(Array.from({ length: 300 }, (_, index) => writeFile(join(path(name), 'many', String(index)), text)));
}

/** What all its files say; throws if they differ or some are missing. */
async function stateOf(name: string): Promise<string> {
  const directory = join(path(name), 'many');
  const files = await readdir(directory);
  const texts = new Set(await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8'))));
  if (files.length !== 300 || texts.size !== 1) throw new Error(`${name} is half: ${files.length} files, ${[...texts].join(', ')}`);
  return [...texts].join('');
}

const rewrite = 'for f in /many/*; do printf new > $f; done';

test.each([
  ['snapshot', ['box', 'x'], ['old']],
  ['rollback', ['box', 'first'], ['old', 'first']],
  ['rename', ['box', 'moved'], ['old']],
  ['remove', ['box'], ['old', 'gone']],
  ['update', ['box'], ['old', 'new']],
] as const)(
  'template %s, killed at a random moment, leaves the template as before or as after',
  { timeout: 30_000 + times * 6000 },
  async (verb, words, allowed) => {
    for (let round = 0; round < times; round += 1) {
      await make('box', 'first');
      await isolate(['template', 'snapshot', path('box'), 'first']);
      await make('box', 'old');
      await writeFile(join(path('box'), 'etc/os-release'), 'ID=debian\n');
      await writeFile(join(path('box'), 'usr/bin/apt-get'), `#!/bin/sh\n${rewrite}\n`, { mode: 0o755 });
      const [, ...rest] = words;
      const child = startIsolate(['template', verb, path('box'), ...rest.map((word) => (word === 'moved' ? path(word) : word))]);
      // The later half of what the verb takes is where it changes something.
      await Promise.race([sleep(100 + Math.random() * 700), once(child, 'exit')]);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      const next = await isolate(['template', 'exec', path('box'), 'true']);
      expect([0, 125]).toContain(next.status);
      const present = (await readdir(store)).filter((name) => !name.startsWith('.'));
      const states = await Promise.all(present.map(stateOf));
      expect([...allowed, ...states]).toEqual([...allowed, ...(states.length === 0 ? [] : [expect.toBeOneOf([...allowed])])]);
      if (states.length === 0) expect(allowed).toContain('gone');
      // A snapshot is whole or not there.
      expect(await unfinished(), `${verb}, round ${round}`).toEqual([]);
      for (const name of present) expect((await isolate(['template', 'remove', path(name)])).status).toBe(0);
      expect(await readdir(store)).toEqual([]);
    }
  },
);

/** What is neither a template nor a snapshot. */
async function unfinished(): Promise<readonly string[]> {
  return (await readdir(store)).filter((name) => name.startsWith('.') && !name.includes('@'));
}

test.each([
  ['snapshot', ['x']],
  ['rollback', ['first']],
  ['update', []],
] as const)('template %s on a full disk says so, changes nothing and leaves nothing', { timeout: 60_000 }, async (verb, rest) => {
  const small = await mkdtemp(join(tmpdir(), 'isolate-full-'));
  await execFileAsync('mount', ['-t', 'tmpfs', '-o', 'size=6M,mode=0700', 'tmpfs', small]);
  onTestFinished(() => void execFileAsync('umount', [small]));
  const box = join(small, 'box');
  await execFileAsync('cp', ['-a', tree, box]);
  await writeFile(join(box, 'etc/os-release'), 'ID=debian\n');
  await isolate(['template', 'snapshot', box, 'first']);
  await writeFile(join(box, 'etc/new'), Buffer.alloc(1_500_000));
  const before = (await readdir(small)).toSorted();
  const { status, stderr } = await isolate(['template', verb, box, ...rest]);
  expect([status, stderr.includes('No space left on device')]).toEqual([1, true]);
  expect([(await readdir(small)).toSorted(), (await readFile(join(box, 'etc/new'))).length]).toEqual([before, 1_500_000]);
});
