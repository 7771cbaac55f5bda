import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { readOwnHolder } from '../../../src/pool/holder.ts';
import { runtimePaths } from '../../../src/pool/paths.ts';
import { openPoolFiles, type PoolFiles } from '../../../src/pool/pool.ts';
import { claimRun } from '../../../src/pool/claims/runs.ts';
import { formatLeaseName } from '../../../src/pool/state/state-file.ts';
import { createHostStatus } from '../../../src/status/status.ts';

const own = readOwnHolder();
let directory: string;
let pool: PoolFiles;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-status-'));
  pool = openPoolFiles({ template: 'tank/a', runtime: runtimePaths(join(directory, 'run')) });
  for (const [clone, uid, command] of [
    ['1', 1000, 'sh'],
    ['2', 1001, 'curl'],
  ] as const) {
    claimRun(pool.runtime, {
      template: 'tank/a',
      clone,
      engine: 'bwrap',
      command: [command, '--secret'],
      uid,
      sinceMs: Number(clone),
    });
    writeFileSync(join(pool.paths.leased, formatLeaseName(clone, own)), '');
  }
});

afterEach(() => rmSync(directory, { recursive: true }));

test("root sees every command, others only their own user's", () => {
  const status = createHostStatus(pool.runtime);
  const commands = (uid: number) => status.runs(uid).runs.map(({ command }) => command);
  expect([0, 1000, 1002].map(commands)).toEqual([
    [
      ['sh', '--secret'],
      ['curl', '--secret'],
    ],
    [['sh', '--secret'], null],
    [null, null],
  ]);
});

test('the names of commands that hold clones are hidden from other users too', async () => {
  const status = createHostStatus(pool.runtime);
  const holders = async (uid: number) =>
    (await status.pools([{ pool, driver: null }], uid)).flatMap(({ inUse }) =>
      inUse.map((clone) => [clone.clone, clone.uid, clone.holders]),
    );
  const { pid } = own;
  expect(await holders(0)).toEqual([
    ['1', 1000, [{ pid, command: 'sh' }]],
    ['2', 1001, [{ pid, command: 'curl' }]],
  ]);
  expect(await holders(1000)).toEqual([
    ['1', 1000, [{ pid, command: 'sh' }]],
    ['2', 1001, [{ pid, command: null }]],
  ]);
});

test('a pool whose storage cannot be opened is shown with the reason', async () => {
  const failure = { code: 'pool-suspended', message: 'The pool tank is suspended.' } as const;
  const [told] = await createHostStatus(pool.runtime).pools([{ pool, driver: failure, count: 7 }], 0);
  expect({ count: told?.count, source: told?.source, leased: told?.leased, error: told?.error }).toEqual({
    count: 7,
    source: null,
    leased: 2,
    error: failure,
  });
});
