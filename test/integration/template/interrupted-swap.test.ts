import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { writeConfig } from '../../rig/daemon.ts';
import { isolate } from '../../rig/isolate.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';
import { makePool, type TestPool } from '../../rig/zpool.ts';

const worker = join(import.meta.dirname, '../../rig/template-worker.ts');

let pool: TestPool;
let count = 0;
/** A template with a snapshot `first`, whose rollback was killed when the state before had gone and the new one had not come. */
let dataset: string;

beforeAll(async () => {
  pool = await makePool();
  await pool.zfs('create', `${pool.name}/t`);
  await writeConfig(`store = "${pool.name}/t"\n`);
});
afterAll(() => pool.end());

beforeEach(async () => {
  count += 1;
  dataset = `${pool.name}/t/box${count}`;
  await pool.zfs('create', '-o', 'isolate:template=yes', dataset);
  await pool.zfs('snapshot', `${dataset}@first`);
  writeFileSync(join(pool.directory, 'pool/t', `box${count}`, 'state'), 'two');
  const ref = { kind: 'dataset', dataset };
  await promisify(execFile)(process.execPath, [worker, JSON.stringify(ref), 'rollback', 'swap:moved']).catch(() => undefined);
  const names = (await pool.zfs('list', '-H', '-o', 'name', '-r', `${pool.name}/t`)).split('\n');
  expect(names).not.toContain(dataset);
});

const labels = async (): Promise<readonly string[]> => {
  const { stdout } = await isolate(['template', 'show', '--json', dataset]);
  return (JSON.parse(stdout) as { snapshots: readonly { label: string }[] }).snapshots.map(({ label }) => label);
};

test('the template is listed and shown, and has its new state', async () => {
  const listed = await isolate(['template', 'list', '--json']);
  const names = (JSON.parse(listed.stdout) as { templates: readonly { location: string }[] }).templates.map(({ location }) => location);
  expect(names.filter((name) => name === dataset)).toEqual([dataset]);
  expect(await labels()).toEqual(['first', expect.stringMatching(/^\d{4}-/) as string]);
});

test('the template is found by its name', async () => {
  expect(await isolate(['template', 'snapshot', '-q', `box${count}`, 'next'])).toMatchObject({ status: 0, stderr: '' });
  expect(await labels()).toEqual(['first', expect.stringMatching(/^\d{4}-/) as string, 'next']);
});

test('no other template takes its name', async () => {
  const source = await busyboxRootfs();
  const other = `${pool.name}/t/other${count}`;
  await pool.zfs('create', other);
  const message = `isolate: There is already a dataset ${dataset}.\nhint: choose another name, or remove it first: isolate template remove ${dataset}\n`;
  const failed = { status: 1, signal: null, stdout: '', stderr: message };
  expect(await isolate(['template', 'create', '-q', dataset, '--from', source])).toEqual(failed);
  expect(await isolate(['template', 'rename', '-q', other, dataset])).toEqual(failed);
  expect(await labels()).toEqual(['first', expect.stringMatching(/^\d{4}-/) as string]);
});

test.each(['swap:announced', 'swap:promoted', 'swap:moved', 'swap:swapped', 'swap:mounted'])(
  'killed at %s, it is shown with its snapshots, and mounted where it was',
  { timeout: 120_000 },
  async (step) => {
    const own = `${pool.name}/t/mounted-${step.replace(':', '-')}`;
    const place = join(pool.directory, step.replace(':', '-'));
    await pool.zfs('create', '-o', `mountpoint=${place}`, own);
    await pool.zfs('snapshot', `${own}@first`);
    writeFileSync(join(place, 'state'), 'two');
    await promisify(execFile)(process.execPath, [worker, JSON.stringify({ kind: 'dataset', dataset: own }), 'rollback', step]).catch(
      () => undefined,
    );
    const { stdout } = await isolate(['template', 'show', '--json', own]);
    const { snapshots } = JSON.parse(stdout) as { snapshots: readonly { label: string }[] };
    const kept = snapshots.map(({ label }) => label).find((label) => label !== 'first');
    expect(snapshots.map(({ label }) => label)).toEqual(['first', kept]);
    expect(await isolate(['template', 'snapshot', '-q', own, 'next'])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
    const datasets = (await pool.zfs('list', '-H', '-o', 'name,canmount,mountpoint,isolate:step,isolate:mount', '-r', `${pool.name}/t`))
      .split('\n')
      .filter((line) => line.startsWith(own))
      .map((line) => line.replace(/old-[0-9a-f]{16}/, 'old-ID'));
    expect({ datasets, files: readdirSync(place) }).toEqual({
      datasets: [`${own}\ton\t${place}\t-\t-`, `${own}.isolate-old-ID\toff\t${place}\t-\t-`],
      files: [],
    });
  },
);

test('a rollback that was killed at its end is finished without another mount of the template', async () => {
  const own = `${pool.name}/t/held`;
  const place = join(pool.directory, 'held');
  await pool.zfs('create', '-o', `mountpoint=${place}`, own);
  await pool.zfs('snapshot', `${own}@first`);
  writeFileSync(join(place, 'state'), 'two');
  await promisify(execFile)(process.execPath, [
    worker,
    JSON.stringify({ kind: 'dataset', dataset: own }),
    'rollback',
    'swap:mounted',
  ]).catch(() => undefined);
  const log = join(pool.directory, 'zfs.log');
  const zfs = join(pool.directory, 'zfs');
  writeFileSync(zfs, `#!/bin/sh\necho "$*" >>${log}\nexec zfs "$@"\n`, { mode: 0o755 });
  await promisify(execFile)(process.execPath, [worker, JSON.stringify({ kind: 'dataset', dataset: own }), 'snapshot', '', zfs]);
  const commands = readFileSync(log, 'utf8').split('\n');
  expect(commands).toContain(`inherit isolate:step ${own}`);
  expect(commands.filter((line) => /^(?:mount|unmount|set (?:mountpoint|canmount))\b/.test(line))).toEqual([]);
});

test('a creation that was killed when the template had its name leaves no mark of a draft to the next change beside it', async () => {
  const created = `${pool.name}/t/created`;
  const ref = { kind: 'dataset', dataset: created };
  await promisify(execFile)(process.execPath, [worker, JSON.stringify(ref), 'create', 'create:committed']).catch(() => undefined);
  const mark = (): Promise<string> => pool.zfs('get', '-H', '-o', 'value', 'isolate:draft', created);
  expect(await mark()).toMatch(/^\d+\.\d+\./);
  expect(await isolate(['template', 'create', '-q', created, '--from', await busyboxRootfs()])).toMatchObject({ status: 1 });
  expect(await mark()).toBe('-\n');
});

test('an update that was killed is undone when the template is shown', async () => {
  const updated = `${pool.name}/t/updated`;
  const state = join(pool.directory, 'pool/t/updated/state');
  await pool.zfs('create', '-o', 'isolate:template=yes', updated);
  writeFileSync(state, 'one');
  await pool.zfs('snapshot', `${updated}@first`);
  const ref = { kind: 'dataset', dataset: updated };
  await promisify(execFile)(process.execPath, [worker, JSON.stringify(ref), 'update', 'attempt:done']).catch(() => undefined);
  expect(readFileSync(state, 'utf8')).toBe('updated');
  expect(await isolate(['template', 'show', updated])).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(state, 'utf8')).toBe('one');
  expect(await pool.zfs('list', '-H', '-o', 'name', '-r', '-t', 'snapshot', updated)).toBe(`${updated}@first\n`);
});
