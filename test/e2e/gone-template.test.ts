import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RefreshReport } from '../../src/upkeep/report.ts';
import { isolate } from '../rig/isolate.ts';
import { refreshUntilFree } from '../rig/refresher.ts';
import { clearShelf } from '../rig/shelf.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let count = 0;
beforeAll(async () => {
  template = await makeZfsTemplate();
});
afterAll(async () => {
  await template.pool.end();
});

/** A template with a pool of two clones. */
async function makeTemplate(): Promise<string> {
  count += 1;
  const dataset = `${template.pool.name}/gone${count}`;
  await template.pool.zfs('create', '-o', 'mountpoint=none', dataset);
  await template.pool.zfs('snapshot', `${dataset}@1`);
  expect((await isolate(['refresh', '-q', dataset, '2'])).status).toBe(0);
  return dataset;
}

/** The directory that its clones are mounted in. */
function mountsOf(dataset: string): string {
  return join('/run/isolate/mnt', dataset.replace('/', '-'));
}

/** What there is of a template: its datasets, and its files below /run/isolate. */
async function leftOf(dataset: string): Promise<{ readonly datasets: readonly string[]; readonly state: readonly string[] }> {
  const names = (await template.pool.zfs('list', '-H', '-o', 'name', '-r', template.pool.name)).trim().split('\n');
  const key = dataset.replace('/', '-');
  return {
    datasets: names.filter((name) => name === dataset || name.startsWith(`${dataset}_`) || name.startsWith(`${dataset}.`)),
    state: ['pools', 'mnt', 'signal'].filter((name) => readdirSync(join('/run/isolate', name)).includes(key)),
  };
}

const cleanUp = (dataset: string): Promise<RefreshReport> => refreshUntilFree('--skip-create', dataset);

test('refresh says the new name of a renamed template, and --skip-create leaves nothing behind', async () => {
  const dataset = await makeTemplate();
  await clearShelf(mountsOf(dataset));
  await patiently('rename', dataset, `${dataset}new`);
  expect(await isolate(['refresh', dataset])).toMatchObject({
    status: 1,
    stderr: `isolate: There is no dataset ${dataset}.\nhint: it is ${dataset}new now; isolate refresh --skip-create ${dataset} destroys the clones that it left\n`,
  });
  expect(await cleanUp(dataset)).toMatchObject({ gone: true, destroyed: 2, fresh: 0, busy: [], failed: [] });
  expect(await leftOf(dataset)).toEqual({ datasets: [], state: [] });
});

test('clones of a template that was renamed before this boot are found by their marks', async () => {
  const dataset = await makeTemplate();
  await clearShelf(mountsOf(dataset));
  await patiently('rename', dataset, `${dataset}new`);
  rmSync(join('/run/isolate/pools', dataset.replace('/', '-')), { recursive: true });
  expect(await cleanUp(dataset)).toMatchObject({ gone: true, destroyed: 2 });
  expect(await leftOf(dataset)).toEqual({ datasets: [], state: [] });
});

test('a kept clone outlives the pool of its template', async () => {
  const dataset = await makeTemplate();
  const kept = (await leftOf(dataset)).datasets.find((name) => name.startsWith(`${dataset}_`)) ?? '';
  await template.pool.zfs('set', 'isolate:keep=on', kept);
  await clearShelf(mountsOf(dataset));
  await patiently('rename', dataset, `${dataset}new`);
  expect(await cleanUp(dataset)).toMatchObject({ gone: true, destroyed: 1, kept: [kept.slice(dataset.length + 1)] });
  expect((await leftOf(dataset)).datasets).toEqual([expect.stringContaining(`${dataset}.isolate-owners-`), kept]);
});

test('status shows a destroyed template with the command that forgets it, until that is done', async () => {
  const dataset = await makeTemplate();
  await clearShelf(mountsOf(dataset));
  // First the clones, then what they were made from.
  const left = (await leftOf(dataset)).datasets.slice(1);
  for (const name of left.toSorted().toReversed()) await patiently('destroy', '-r', name);
  await patiently('destroy', '-r', dataset);
  expect((await isolate(['status'])).stdout).toContain(
    `${dataset}: There is no dataset ${dataset}.\nhint: isolate refresh --skip-create ${dataset} destroys its clones and forgets it\n`,
  );
  const { stdout } = await isolate(['refresh', '--skip-create', dataset]);
  expect(stdout.split('\n').slice(1)).toEqual([`the dataset ${dataset} no longer exists, so its pool is forgotten`, '']);
  expect(await leftOf(dataset)).toEqual({ datasets: [], state: [] });
  expect((await isolate(['status'])).stdout).not.toContain(dataset);
});

test('for a misspelt template the error suggests the right one, and nothing is left behind', async () => {
  const wrong = template.dataset.replace('template', 'tmeplate');
  for (const args of [
    ['refresh', wrong],
    ['refresh', '--skip-create', wrong],
    ['-z', wrong, 'true'],
  ]) {
    expect((await isolate(args)).stderr).toBe(`isolate: There is no dataset ${wrong}.\nhint: did you mean ${template.dataset}?\n`);
  }
  expect(await leftOf(wrong)).toEqual({ datasets: [], state: [] });
});

/** zfs-fuse is busy with a dataset for a while after it answered. */
async function patiently(...args: string[]): Promise<void> {
  await expect
    .poll(
      () =>
        template.pool.zfs(...args).then(
          () => '',
          (error: unknown) => String(error),
        ),
      { timeout: 30_000 },
    )
    .toBe('');
}
