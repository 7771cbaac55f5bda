import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { poolPaths } from '../../../src/pool/paths.ts';
import { takeFreshClone } from '../../../src/pool/lease/take.ts';
import { refresh } from '../../../src/upkeep/refresh.ts';
import type { RunsDocument, StatusDocument } from '../../../src/status/status.ts';
import { values } from '../../../src/wire/frame.ts';
import { askRun, askStatus, type DirectoryDaemon, makeDirectoryDaemon, startClient } from '../../rig/directory-daemon.ts';

let daemon: DirectoryDaemon;
beforeEach(() => {
  daemon = makeDirectoryDaemon('one', 'two');
});
afterEach(() => daemon.end());

/** Waits until the pool has so many fresh clones and these leased, and nothing else. */
async function settles(name: string, fresh: number, leased: readonly string[] = []): Promise<void> {
  await expect
    .poll(
      async () => {
        const state = await daemon.states(name);
        return { fresh: state.fresh.length, leased: state.leased, retired: state.retired, clones: state.clones.length };
      },
      { timeout: 40_000, interval: 20 },
    )
    .toEqual({ fresh, leased: [...leased], retired: [], clones: fresh + leased.length });
}

const code = ({ message }: { message: Parameters<typeof values>[0] | null }): unknown =>
  message?.name === 'refuse' ? (JSON.parse(values(message, 'json')[0] ?? '') as { code: string }).code : message?.name;

describe.runIf(process.getuid?.() === 0)('the daemon', () => {
  test('keeps pools full, and replaces a clone when the connection of its client ends', async () => {
    daemon.configure({ one: 3, two: 1 });
    await daemon.start();
    await settles('one', 3);
    await settles('two', 1);
    const run = await askRun(daemon.socket, 'one');
    await settles('one', 3, [run.clone ?? '']);
    run.connection.send('ended', [
      { name: 'outcome', value: 2 },
      { name: 'number', value: 5 },
    ]);
    run.connection.close();
    await settles('one', 3);
    expect(daemon.log().find(({ event }) => event === 'started')).toMatchObject({
      templates: ['tank/one', 'tank/two'],
      files: [expect.stringMatching(/\/config\.toml$/) as string],
    });
    const line = (): unknown => daemon.log().find(({ event }) => event === 'lease');
    await expect.poll(line).toMatchObject({
      uid: 0,
      template: 'tank/one',
      clone: run.clone,
      engine: 'chroot',
      outcome: 'exited',
      code: 5,
      pid: process.pid,
    });
  });

  test('serves 200 clients on a pool of 5, no two with the same clone', async () => {
    daemon.configure({ one: 5 });
    await daemon.start();
    const served = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { connection, clone } = await askRun(daemon.socket, 'one', 60);
        connection.close();
        return clone;
      }),
    );
    expect(served).not.toContain(null);
    expect(new Set(served).size).toBe(200);
    await settles('one', 5);
  });

  test('refuses a run at once if waiting does not help', async () => {
    daemon.configure({ one: 1 });
    await daemon.start();
    await settles('one', 1);
    daemon.removeSource('one');
    const first = await askRun(daemon.socket, 'one', 0);
    expect(first.clone).not.toBeNull();
    expect(code(await askRun(daemon.socket, 'one', 50))).toBe('template-without-snapshot');
  });

  test('tells who runs what', async () => {
    daemon.configure({ one: 2 });
    await daemon.start();
    await settles('one', 2);
    const { clone, connection } = await askRun(daemon.socket, 'one');
    const ps = (await askStatus(daemon.socket, 'ps')) as RunsDocument;
    expect(ps.runs).toMatchObject([
      { template: 'tank/one', clone, engine: 'chroot', command: ['true'], uid: 0, user: 'root', pid: process.pid },
    ]);
    await settles('one', 2, [clone ?? '']);
    const status = (await askStatus(daemon.socket, 'status')) as StatusDocument;
    expect(status.pools).toMatchObject([{ template: 'tank/one', count: 2, fresh: 2, leased: 1, retired: 0, source: '1', error: null }]);
    connection.close();
  });

  test('follows its settings without ending a lease, and keeps the old ones if the new ones are invalid', async () => {
    daemon.configure({ one: 1 });
    const { pid = 0 } = await daemon.start();
    const { clone } = await askRun(daemon.socket, 'one');
    daemon.configure({ one: 3, two: 2 });
    process.kill(pid, 'SIGHUP');
    await settles('one', 3, [clone ?? '']);
    await settles('two', 2);
    daemon.configure({ one: 4 }, 'nonsense\n');
    process.kill(pid, 'SIGHUP');
    await expect
      .poll(() => daemon.log().filter(({ event, code }) => event === 'config' && code === 'bad-config').length)
      .toBeGreaterThan(0);
    await settles('one', 3, [clone ?? '']);
    const { settings } = (await askStatus(daemon.socket, 'status')) as StatusDocument;
    expect(settings).toEqual({
      error: { code: 'bad-config', message: expect.stringContaining('config.toml is not valid: line 3') as string },
      sinceMs: expect.any(Number) as number,
    });
    const second = await askRun(daemon.socket, 'two');
    await settles('two', 2, [second.clone ?? '']);
    daemon.configure({ one: 3 });
    process.kill(pid, 'SIGHUP');
    await expect.poll(() => daemon.log().filter(({ msg }) => msg === 'The settings have changed.').length).toBe(2);
    expect(code(await askRun(daemon.socket, 'two', 0))).toBe('fallback');
    expect((await daemon.states('two')).leased).toEqual([second.clone]);
    second.connection.close();
    // Its fresh clones are left to others; nothing is made any more.
    await expect.poll(async () => (await daemon.states('two')).retired).toEqual([]);
    await expect.poll(async () => (await daemon.states('two')).clones.length).toBe(2);
  });

  test('forgets a template that never existed once the settings no longer name it', async () => {
    daemon.configure({ one: 1, wrong: 2 });
    const { pid = 0 } = await daemon.start();
    const pools = async (): Promise<readonly string[]> => {
      const status = (await askStatus(daemon.socket, 'status')) as StatusDocument;
      return status.pools.map(({ template }) => template);
    };
    await expect.poll(() => daemon.log().some(({ event, code }) => event === 'refresh' && code === 'template-missing')).toBe(true);
    expect(await pools()).toEqual(['tank/one', 'tank/wrong']);
    const { directory, signal, mounts } = poolPaths(daemon.runtime, 'tank/wrong');
    daemon.configure({ one: 1 });
    process.kill(pid, 'SIGHUP');
    await expect.poll(pools).toEqual(['tank/one']);
    await expect.poll(() => [directory, signal, mounts].map((path) => existsSync(path))).toEqual([false, false, false]);
  });

  test('notices what others do on its pools', async () => {
    daemon.configure({ one: 2 });
    await daemon.start();
    await settles('one', 2);
    const pool = daemon.pool('one');
    const lease = await takeFreshClone(pool);
    expect(lease).not.toBeNull();
    await lease?.release();
    await settles('one', 2);
    // Clones that it did not make are handed out as well.
    await refresh(pool, { count: 4 });
    const clones = await Promise.all([1, 2, 3, 4].map(() => askRun(daemon.socket, 'one', 10)));
    expect(new Set(clones.map(({ clone }) => clone)).size).toBe(4);
  });

  test.each(['the pool', 'all pools', 'the runs'])('remakes state that somebody removed: %s', async (what) => {
    daemon.configure({ one: 3 });
    await daemon.start();
    await settles('one', 3);
    const { runs, pools } = daemon.runtime;
    const removed = { 'the pool': poolPaths(daemon.runtime, 'tank/one').directory, 'all pools': pools, 'the runs': runs }[what] ?? '';
    // At once: the daemon writes there.
    renameSync(removed, join(dirname(daemon.runtime.root), 'removed'));
    const { clone, connection } = await askRun(daemon.socket, 'one', 20);
    expect(clone).not.toBeNull();
    connection.close();
    // What lost its state is not left lying.
    await settles('one', 3);
    expect(daemon.log().filter(({ level, event }) => level === 'error' || event === 'internal')).toEqual([]);
  });

  test('is the only one on its host', async () => {
    daemon.configure({ one: 1 });
    const first = await daemon.start();
    await expect(daemon.start()).rejects.toThrow(`Another daemon serves ${daemon.runtime.root}: process ${first.pid}.`);
    first.kill('SIGTERM');
    await once(first, 'exit');
  });
});

describe.runIf(process.getuid?.() === 0)('leases outlive', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)('the daemon that %s ends, and end with their holders', async (signal) => {
    daemon.configure({ one: 2 });
    const first = await daemon.start();
    const client = await startClient(daemon.socket, 'one');
    await settles('one', 2, [client.clone]);
    first.kill(signal);
    await once(first, 'exit');
    expect((await daemon.states('one')).leased).toEqual([client.clone]);
    await daemon.start();
    await settles('one', 2, [client.clone]);
    expect(await askStatus(daemon.socket, 'status')).toMatchObject({
      pools: [{ leased: 1, inUse: [{ clone: client.clone, uid: 0, holders: [{ pid: client.process.pid }] }] }],
    });
    client.process.kill('SIGKILL');
    await settles('one', 2);
    const retired = (): readonly unknown[] => daemon.log().filter(({ event }) => event === 'retired');
    await expect.poll(retired).toMatchObject([{ clone: client.clone, pid: client.process.pid }]);
  });

  test('the broker, and another one serves', async () => {
    daemon.configure({ one: 2 });
    const { pid } = await daemon.start();
    const client = await startClient(daemon.socket, 'one');
    await settles('one', 2, [client.clone]);
    const { execFileSync } = await import('node:child_process');
    const broker = Number(execFileSync('pgrep', ['-P', String(pid), '--full', 'isolate-gate broker']).toString());
    process.kill(broker, 'SIGKILL');
    await expect.poll(() => daemon.log().filter(({ event }) => event === 'ready').length).toBe(2);
    await settles('one', 2, [client.clone]);
    const next = await askRun(daemon.socket, 'one');
    expect(next.clone).not.toBeNull();
    next.connection.close();
    client.process.kill('SIGKILL');
    await settles('one', 2);
  });
});
