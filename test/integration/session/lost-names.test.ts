import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { leaseClone } from '../../../src/pool/lease/lease.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import { formatLeaseName } from '../../../src/pool/state/state-file.ts';
import { listSessions } from '../../../src/session/index-files.ts';
import { keepAsSession } from '../../../src/session/keep.ts';
import { mendIndex, seeClones } from '../../../src/session/mend.ts';
import type { CloneInfo } from '../../../src/storage/driver.ts';
import { refresh } from '../../../src/upkeep/refresh.ts';
import { makeDirectorySubject, openSubject } from '../../rig/pool-subject.ts';

/** A pool as the daemon has it for a client that has ended. */
async function openForDead(): Promise<Pool> {
  const { subject, end } = await makeDirectorySubject();
  onTestFinished(end);
  const pool = await openSubject(subject);
  await refresh(pool, { count: 1 });
  return { ...pool, holder: { ...pool.holder, startTime: '1' } };
}

function makeIndex(): { readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-index-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return { directory };
}

test('a session is gone whose root is thrown away, also if its name was taken for a lost one in between', async () => {
  const pool = await openForDead();
  const index = makeIndex();
  const root = { kind: 'volume', locator: pool.template } as const;
  let added: readonly string[] = [];
  const listing: Pool = {
    ...pool,
    driver: {
      ...pool.driver,
      forget: async (clone) => {
        mendIndex(index, root, await seeClones(pool), Date.now());
        added = listSessions(index, null).map(({ name }) => name);
        await pool.driver.forget(clone);
      },
    },
  };
  const kept = await keepAsSession(
    listing,
    await leaseClone(pool, { waitMs: 0 }),
    { uid: 7, index },
    {
      name: 'good',
      root,
      engine: 'bwrap',
      command: ['true'],
    },
  );
  await kept.drop();
  expect({ added, left: listSessions(index, null) }).toEqual({ added: ['good'], left: [] });
});

test('a session that the storage kept, although it said otherwise, does not come back', async () => {
  const pool = await openForDead();
  const index = makeIndex();
  const root = { kind: 'volume', locator: pool.template } as const;
  const keep: Pool['driver']['keep'] = async (...words) => {
    await pool.driver.keep(...words);
    throw new Error('zfs was killed');
  };
  const failing: Pool = { ...pool, driver: { ...pool.driver, keep } };
  const run = { name: 'good', root, engine: 'bwrap', command: ['true'] };
  await expect(keepAsSession(failing, await leaseClone(pool, { waitMs: 0 }), { uid: 7, index }, run)).rejects.toThrow('zfs was killed');
  mendIndex(index, root, await seeClones(pool), Date.now());
  expect({ left: listSessions(index, null), kept: (await pool.driver.list()).filter(({ kept }) => kept) }).toEqual({ left: [], kept: [] });
});

const id = '17959875474581465246';

test.each([
  ['is retired', 'no', ({ paths }: Pool, name: string) => renameSync(join(paths.leased, name), join(paths.retired, id))],
  ['is destroyed', 'no', ({ paths }: Pool, name: string) => rmSync(join(paths.leased, name))],
  ['stays', 'a', () => {}],
] as const)('a clone of a dead process that %s while the storage is asked may have %s lost name', async (_, lost, move) => {
  const pool = await openForDead();
  const name = formatLeaseName(id, pool.holder);
  writeFileSync(join(pool.paths.leased, name), '\n');
  const list = async (): Promise<readonly CloneInfo[]> => {
    move(pool, name);
    return [];
  };
  expect((await seeClones({ ...pool, driver: { list } })).others.has(id)).toBe(lost === 'no');
});
