import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { callerContext, type TemplateContext } from '../../../src/template/context.ts';
import { receiveWhole } from '../../../src/template/dataset/receive.ts';
import { openDatasetContext } from '../../../src/template/dataset/zfs.ts';
import { directoryLayout } from '../../../src/template/directory/layout.ts';
import { changeTemplate, openStore } from '../../../src/template/open-store.ts';
import type { TemplateRef } from '../../../src/template/template-ref.ts';
import { readMounts } from '../../../src/host/read-mounts.ts';
import { whileReplaced } from '../../rig/replace-program.ts';
import { makePool, type TestPool } from '../../rig/zpool.ts';

let pool: TestPool;
let context: TemplateContext;
let count = 0;
/** A dataset, where it is mounted, and a directory; both are templates in the state `two`, and have a snapshot `first` of the state `one`. */
let dataset: string;
let place: string;
let directory: string;

beforeAll(async () => {
  pool = await makePool();
  context = await callerContext();
});
afterAll(() => pool.end());

beforeEach(async () => {
  count += 1;
  dataset = `${pool.name}/t${count}/box`;
  place = join(pool.directory, 'pool', `t${count}`, 'box');
  directory = join(pool.directory, `store${count}`, 'box');
  await pool.zfs('create', '-p', dataset);
  mkdirSync(directory, { recursive: true });
  for (const path of [place, directory]) writeFileSync(join(path, 'state'), 'one');
  await pool.zfs('snapshot', `${dataset}@first`);
  await changeTemplate(ofDirectory(), context, (store) => store.snapshot('first'));
  for (const path of [place, directory]) writeFileSync(join(path, 'state'), 'two');
});

const ofDirectory = (): TemplateRef => ({ kind: 'directory', path: directory });
const ofDataset = (): TemplateRef => ({ kind: 'dataset', dataset });
const stateOf = (path: string): string => readFileSync(join(path, 'state'), 'utf8');

/** A program that does what `real` does, and is killed before it can say so, where its first words are `words`. */
function killed(real: string, words: string): string {
  const file = join(pool.directory, `killed-${words.replaceAll(' ', '-')}`);
  writeFileSync(file, `#!/bin/sh\ncase "$* " in "${words} "*) "${real}" "$@" > /dev/null; kill -KILL $$ ;; esac\nexec "${real}" "$@"\n`, {
    mode: 0o755,
  });
  return file;
}

/** A context whose zfs is killed at the end of a command that begins with `words`. */
function withKilledZfs(words: string): TemplateContext {
  const { facts } = context;
  return { ...context, facts: { ...facts, tools: { ...facts.tools, zfs: killed(pool.tools.zfs, words) } } };
}

test('a rollback of a directory keeps the state before, although the program that exchanges the trees was killed when it had', async () => {
  const { facts } = context;
  const gate = killed(facts.files.gate, 'exchange');
  const own = { ...context, facts: { ...facts, files: { ...facts.files, gate } } };
  const { kept } = await changeTemplate(ofDirectory(), own, (store) => store.rollback('first'));
  expect([stateOf(directory), stateOf(join(directoryLayout(directory).snapshot(kept?.label ?? ''), 'tree'))]).toEqual(['one', 'two']);
  expect((await openStore(ofDirectory(), context).snapshots()).map(({ label }) => label)).toEqual(['first', kept?.label]);
});

test('what was being thrown away after an exchange that did not happen becomes no snapshot', async () => {
  const layout = directoryLayout(directory);
  const dead = { ...context.holder, startTime: '1' };
  mkdirSync(layout.swap('late', 1, dead));
  await changeTemplate(ofDirectory(), context, async () => {});
  expect(readdirSync(layout.parent).toSorted()).toEqual(['.box@first', 'box']);
});

test('an update whose snapshot was taken by a zfs that was killed leaves no snapshot that would undo what comes later', async () => {
  const attempt = changeTemplate(ofDataset(), withKilledZfs('snapshot'), (store) => store.attempt());
  await expect(attempt).rejects.toMatchObject({ code: 'storage-failed' });
  writeFileSync(join(place, 'state'), 'edited');
  await changeTemplate(ofDataset(), context, async () => {});
  expect(stateOf(place)).toBe('edited');
});

test.each([
  ['rename', 'unmount', 'storage-failed'],
  ['remove', 'unmount', 'storage-failed'],
] as const)('a template whose %s fails because %s was killed is mounted as before', async (verb, words, code) => {
  const to: TemplateRef = { kind: 'dataset', dataset: `${dataset}-2` };
  const change = changeTemplate(ofDataset(), withKilledZfs(words), (store) => (verb === 'rename' ? store.rename(to) : store.remove()));
  await expect(change).rejects.toMatchObject({ code });
  expect(readMounts().find(({ source }) => source === dataset)?.mountpoint).toBe(place);
  expect(stateOf(place)).toBe('two');
});

test('datasets of which nobody knows whether they differ, because diff was killed, are not taken for different ones', async () => {
  const diff = killed('/bin/true', '--recursive');
  await pool.zfs('rollback', `${dataset}@first`);
  const rollback = whileReplaced('/usr/bin/diff', diff, () => changeTemplate(ofDataset(), context, (store) => store.rollback('first')));
  await expect(rollback).rejects.toMatchObject({ code: 'storage-failed', message: expect.stringContaining('cannot be compared') });
  expect((await openStore(ofDataset(), context).snapshots()).map(({ label }) => label)).toEqual(['first']);
});

test('a draft that a program of a dead process still uses is in the way of no other template', async () => {
  const worker = join(import.meta.dirname, '../../rig/template-worker.ts');
  const args = [worker, JSON.stringify({ kind: 'dataset', dataset: `${dataset}-new` }), 'create', 'create:before-commit'];
  await promisify(execFile)(process.execPath, args).catch(() => undefined);
  const draft =
    (await pool.zfs('list', '-H', '-o', 'name', '-r', pool.name)).split('\n').find((name) => name.includes('.isolate-new-')) ?? '';
  await pool.zfs('set', `mountpoint=${join(pool.directory, 'draft')}`, draft);
  await pool.zfs('set', 'canmount=on', draft);
  if (!existsSync(join(pool.directory, 'draft/state'))) await pool.zfs('mount', draft);
  const user = spawn('sleep', ['600'], { cwd: join(pool.directory, 'draft'), stdio: 'ignore' });
  await once(user, 'spawn');
  try {
    expect(await changeTemplate(ofDataset(), context, (store) => store.snapshot('second'))).toMatchObject({ label: 'second' });
  } finally {
    user.kill('SIGKILL');
    await once(user, 'close');
  }
  const isGone = async (): Promise<boolean> => {
    await changeTemplate(ofDataset(), context, async () => {});
    return !(await pool.zfs('list', '-H', '-o', 'name', '-r', pool.name)).includes(draft);
  };
  await expect.poll(isGone, { timeout: 30_000 }).toBe(true);
});

test('a template that was received by a zfs that was killed when it had it leaves nothing to a later transfer', async () => {
  const stream = new PassThrough();
  const sent = spawn(pool.tools.zfs, ['send', `${dataset}@first`], { stdio: ['ignore', 'pipe', 'inherit'] });
  sent.stdout.pipe(stream);
  const incoming = { name: 'It', stream, whole: Promise.resolve(), signal: new AbortController().signal, check: () => {} };
  const own = await openDatasetContext(`${dataset}-received`, withKilledZfs('receive'));
  await expect(receiveWhole(own, incoming)).rejects.toMatchObject({ code: 'bad-source' });
  expect((await pool.zfs('list', '-H', '-o', 'name', '-r', pool.name)).split('\n').filter((name) => name.includes('-received'))).toEqual(
    [],
  );
});
