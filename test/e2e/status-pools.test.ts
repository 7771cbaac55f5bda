import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { RunsDocument, StatusDocument } from '../../src/status/status.ts';
import { type Daemon, socketFile, startDaemon } from '../rig/daemon.ts';
import { isolate, startIsolate } from '../rig/isolate.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const user = 4321;
let template: ZfsTemplate;
let run: ChildProcess;

beforeAll(async () => {
  template = await makeZfsTemplate();
});
afterAll(async () => {
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
});
beforeEach(async () => {
  await isolate(['refresh', '-q', template.dataset, '2']);
});
afterEach(endRun);

async function read<Document>(...args: readonly string[]): Promise<Document> {
  const { status, stdout, stderr } = await isolate(args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Document;
}

/** Root is shown all pools that have left state on this host, those of tests before too. */
async function readOwn(): Promise<StatusDocument> {
  const { pools, ...rest } = await read<StatusDocument>('status', '--json');
  return { ...rest, pools: pools.filter((pool) => pool.template.startsWith(`${template.pool.name}/`)) };
}

/** A run that has begun and goes on until its standard input ends. */
async function startRun(): Promise<void> {
  run = startIsolate(['-q', '-z', template.dataset, '--wait', '60', '--', 'sh', '-c', 'echo begun; cat']);
  await once(run.stdout as NodeJS.ReadableStream, 'data');
}

async function endRun(): Promise<void> {
  run.stdin?.end();
  if (run.exitCode === null && run.signalCode === null) await once(run, 'close');
}

test('without a daemon root sees the pools, the runs and who uses which clone', async () => {
  const beganMs = Date.now();
  await startRun();
  const { runs } = await read<RunsDocument>('ps', '--json');
  expect(runs).toEqual([
    {
      runId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      pid: run.pid,
      startTime: expect.stringMatching(/^[0-9]+$/) as string,
      pidNamespace: readlinkSync('/proc/self/ns/pid'),
      uid: 0,
      user: 'root',
      sinceMs: expect.any(Number) as number,
      template: template.dataset,
      clone: expect.stringMatching(/^[0-9]+$/) as string,
      engine: 'bwrap',
      command: ['sh', '-c', 'echo begun; cat'],
    },
  ]);
  const [own] = runs;
  expect(Number(own?.sinceMs)).toBeGreaterThanOrEqual(beganMs);
  await template.snapshot(`later${beganMs}`);
  const { daemon, pools } = await read<StatusDocument>('status', '--json', template.dataset);
  expect({ daemon, pools }).toEqual({
    daemon: null,
    pools: [
      {
        template: template.dataset,
        count: 2,
        fresh: 1,
        leased: 1,
        retired: 0,
        kept: [],
        making: 0,
        refreshing: false,
        source: `${template.dataset}@later${beganMs}`,
        stale: 1,
        oldestFreshMs: expect.any(Number) as number,
        inUse: [
          { clone: own?.clone, state: 'leased', uid: 0, user: 'root', sinceMs: own?.sinceMs, holders: [{ pid: run.pid, command: 'sh' }] },
        ],
        lastRefresh: {
          endedMs: expect.any(Number) as number,
          durationMs: expect.any(Number) as number,
          destroyed: 0,
          created: 2,
          kept: [],
          error: null,
        },
        error: null,
      },
    ],
  });
  const { stdout } = await isolate(['status']);
  expect(stdout).toContain(`\n${template.dataset}  `);
});

test('the daemon shows the same, hides commands from other users, and has metrics', async () => {
  const other = `${template.pool.name}/other`;
  const daemon: Daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 3\nusers = ["${user}"]\n`);
  try {
    await startRun();
    const mine = await readOwn();
    expect(mine.daemon).toEqual({
      pid: daemon.process.pid,
      sinceMs: expect.any(Number) as number,
      serves: true,
      limits: expect.any(Array) as string[],
    });
    expect(mine.pools.map(({ template: name, count, leased }) => [name, count, leased])).toEqual([[template.dataset, 3, 1]]);
    expect(mine.pools[0]?.inUse.map(({ state, user, holders }) => [state, user, holders])).toEqual([
      ['leased', 'root', [{ pid: run.pid, command: 'sh' }]],
    ]);
    await template.pool.zfs('create', other);
    await template.pool.zfs('snapshot', `${other}@first`);
    await isolate(['refresh', '-q', other, '1']);
    const all = await readOwn();
    expect(all.pools.map((pool) => [pool.template, pool.count, pool.error])).toEqual([
      [template.dataset, 3, null],
      [other, 1, null],
    ]);
    const { runs } = await read<RunsDocument>('ps', '--json');
    expect(runs.map(({ pid, user, clone, command }) => [pid, user, clone, command])).toEqual([
      [run.pid, 'root', mine.pools[0]?.inUse[0]?.clone, ['sh', '-c', 'echo begun; cat']],
    ]);
    // As members of the group isolate.
    await chown(socketFile, 0, user);
    const theirs = JSON.parse((await isolate(['status', '--json'], { uid: user })).stdout) as StatusDocument;
    expect(theirs.pools[0]?.inUse.map(({ holders }) => holders)).toEqual([[{ pid: run.pid, command: null }]]);
    expect(JSON.parse((await isolate(['ps', '--json'], { uid: user })).stdout)).toEqual({ runs: [{ ...runs[0], command: null }] });
    const metrics = await scrape();
    expect(metrics.split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
    expect(metrics).toContain(`isolate_pool_clones{template="${template.dataset}",state="leased"} 1\n`);
    expect(metrics).toContain(`isolate_leases_total{template="${template.dataset}"} 1\n`);
    expect(metrics).toContain('isolate_lease_seconds_count 1\n');
  } finally {
    await endRun();
    await daemon.end();
    await isolate(['refresh', '--force', '--skip-create', other]);
  }
});

test('right after a refresh the daemon shows the snapshot that it used', async () => {
  const daemon: Daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 2\n`);
  try {
    await readOwn();
    await template.snapshot('newest');
    await isolate(['refresh', '-q', '--force', template.dataset]);
    const { pools } = await readOwn();
    expect(pools.find((pool) => pool.template === template.dataset)).toMatchObject({
      source: `${template.dataset}@newest`,
      stale: 0,
      fresh: 2,
    });
  } finally {
    await daemon.end();
  }
});

/** What the metrics socket answers to a scraper. */
async function scrape(): Promise<string> {
  const socket = createConnection('/run/isolate/metrics.sock');
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return await text(socket);
}
