import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/process/command.ts';
import type { CreateOptions, CreateResult, StorageDriver } from '../../src/storage/driver.ts';
import { openZfs } from '../../src/storage/zfs/driver.ts';
import { makePool, type TestPool } from './zpool.ts';

export type Made = CreateResult & { ok: true };

/** A test pool, drivers on it, and a directory that clones are mounted below. */
export interface ZfsRig {
  readonly pool: TestPool;
  readonly mounts: string;
  readonly open: (template: string) => Promise<StorageDriver>;
  /** A dataset with one file `hello` and one snapshot `1`, then changed by `properties`. */
  readonly makeTemplate: (name: string, ...properties: string[]) => Promise<StorageDriver>;
  readonly takeId: () => string;
  readonly makeClone: (driver: StorageDriver, owners?: CreateOptions['owners']) => Promise<Made>;
  readonly end: () => Promise<void>;
}

/** Makes the rig; only inside `test/rig/enter`. */
export async function makeZfsRig(): Promise<ZfsRig> {
  const pool = await makePool(256 * 1024 * 1024);
  const mounts = await mkdtemp(join(tmpdir(), 'isolate-mounts-'));
  let lastId = 1_795_312_244_000_000_000n;
  const takeId = (): string => String((lastId += 1n));
  const open = (template: string): Promise<StorageDriver> =>
    openZfs(template, { tools: pool.tools, run: runCommand, canIdmap: () => false });
  return {
    pool,
    mounts,
    open,
    takeId,
    makeTemplate: async (name, ...properties) => {
      const template = `${pool.name}/${name}`;
      await pool.zfs('create', template);
      await writeFile(join(pool.directory, 'pool', name, 'hello'), 'hello');
      await pool.zfs('snapshot', `${template}@1`);
      for (const property of properties) await pool.zfs('set', property, template);
      return open(template);
    },
    makeClone: async (driver, owners = null) => {
      const [result] = await driver.create(await driver.newestSource(), [takeId()], { owners, mountDirectory: mounts });
      if (result === undefined) throw new Error('no answer');
      if (!result.ok) throw result.error;
      return result;
    },
    end: async () => {
      await pool.end();
      await rm(mounts, { recursive: true });
    },
  };
}
