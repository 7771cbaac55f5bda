import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { templateKey } from '../../src/pool/paths.ts';
import { isolate } from '../rig/isolate.ts';
import { claimToRefresh, refreshUntilFree } from '../rig/refresher.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
let stopRefreshing: () => void;
beforeAll(async () => {
  template = await makeZfsTemplate();
  await isolate(['refresh', '--skip-create', template.dataset]);
  stopRefreshing = claimToRefresh(template.dataset);
});
afterAll(async () => {
  stopRefreshing();
  await template.pool.end();
});
afterEach(async () => {
  await refreshUntilFree('--force', '--skip-create', template.dataset);
  expect(await template.clones()).toEqual([]);
});

const pools = '/run/isolate/pools';

/** How many clones are in each state. */
async function states(): Promise<Record<string, number>> {
  const key = templateKey(template.dataset);
  const entries = await Promise.all(
    ['fresh', 'leased', 'retired'].map(async (state) => [state, (await readdir(join(pools, key, state))).length] as const),
  );
  return Object.fromEntries(entries);
}

test('a command runs in a fresh clone, and what it writes is gone with it', async () => {
  expect((await isolate(['refresh', template.dataset, '2'])).status).toBe(0);
  expect(await isolate(['-q', '-z', template.dataset, 'sh', '-c', 'echo changed > /etc/os-release; cat /etc/os-release; id -u'])).toEqual({
    status: 0,
    signal: null,
    stdout: 'changed\n0\n',
    stderr: '',
  });
  expect((await isolate(['-q', '-z', template.dataset, 'cat', '/etc/os-release'])).stdout).toContain('BusyBox test root');
  expect(await readFile(join(template.directory, 'etc/os-release'), 'utf8')).toContain('BusyBox test root');
  expect(await states()).toEqual({ fresh: 0, leased: 0, retired: 2 });
});

test('on zfs-fuse, which knows no root of a user namespace, root inside cannot give its files to others', async () => {
  const script = 'touch /mine && chmod 640 /mine && stat -c %u:%g /mine && chown 5 /mine';
  expect(await isolate(['-q', '-z', template.dataset, 'sh', '-c', script])).toMatchObject({
    status: 1,
    stdout: '0:0\n',
    stderr: 'chown: /mine: Operation not permitted\n',
  });
});

test('refresh destroys retired clones, makes missing ones and says so', async () => {
  await isolate(['refresh', template.dataset, '3']);
  await isolate(['-q', '-z', template.dataset, 'true']);
  const before = await template.clones();
  expect(await refreshUntilFree(template.dataset)).toMatchObject({
    count: 3,
    destroyed: 1,
    created: 1,
    fresh: 3,
    leased: 0,
    stale: 0,
    busy: [],
    failed: [],
  });
  const after = await template.clones();
  expect({ all: after.length, kept: after.filter((name) => before.includes(name)).length }).toEqual({ all: 3, kept: 2 });
});

test('fresh clones of an older snapshot are leased until a forced refresh', async () => {
  await isolate(['refresh', template.dataset, '1']);
  await writeFile(join(template.directory, 'etc/version'), 'second\n');
  await template.snapshot('second');
  expect(JSON.parse((await isolate(['refresh', '--json', template.dataset])).stdout)).toMatchObject({ fresh: 1, stale: 1 });
  expect((await isolate(['-q', '-z', template.dataset, 'cat', '/etc/version'])).status).toBe(1);
  await isolate(['refresh', template.dataset, '1']);
  expect((await isolate(['-f', '-r', template.dataset, '1'])).status).toBe(0);
  expect((await isolate(['-q', '-z', template.dataset, 'cat', '/etc/version'])).stdout).toBe('second\n');
});

test('a run without a fresh clone has one made', async () => {
  expect((await isolate(['-q', '-z', template.dataset, 'echo', 'made'])).stdout).toBe('made\n');
});

test('--wait 0 fails at once without a fresh clone', async () => {
  const { status, stderr } = await isolate(['-z', template.dataset, '--wait', '0', 'true']);
  expect({ status, first: stderr.split('\n')[0] }).toEqual({
    status: 125,
    first: `isolate: No free clone of ${template.dataset} after 0 s (0 in use, 0 being made).`,
  });
});

test('--read-only makes a clone unwritable', async () => {
  const { status, stderr } = await isolate(['-q', '--read-only', '-z', template.dataset, 'touch', '/new']);
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'touch: /new: Read-only file system\n' });
});

test('no process of a sandbox has an id of the host', async () => {
  const { stdout } = await isolate(['-q', '-z', template.dataset, 'cat', '/proc/self/uid_map', '/proc/self/gid_map']);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number)),
  ).toEqual([
    [0, 1_879_048_192, 65_536],
    [0, 1_879_048_192, 65_536],
  ]);
});

test('a dry run leases nothing and starts nothing', async () => {
  await isolate(['refresh', template.dataset, '1']);
  const { status, stdout } = await isolate(['--dry-run', '-z', template.dataset, 'touch', '/tmp/x']);
  expect({ status, engine: stdout.split('\n')[0] }).toEqual({ status: 0, engine: 'engine bwrap' });
  expect(await states()).toEqual({ fresh: 1, leased: 0, retired: 0 });
});

test('a dataset that does not exist is named, and nothing is made for it', async () => {
  const dataset = `${template.pool.name}/typo`;
  const before = await readdir(pools);
  const { status, stderr } = await isolate(['-q', '-z', dataset, 'true']);
  expect({ status, named: stderr.includes(dataset), pools: await readdir(pools) }).toEqual({ status: 125, named: true, pools: before });
});
