import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { makePool, type TestPool } from './zpool.ts';
import { busyboxRootfs } from './rootfs.ts';

const execFileAsync = promisify(execFile);

export interface ZfsTemplate {
  readonly pool: TestPool;
  readonly dataset: string;
  /** Names of the clones that exist. */
  readonly clones: () => Promise<string[]>;
  /** Takes a snapshot of the template as it is now. */
  readonly snapshot: (name: string) => Promise<void>;
  readonly directory: string;
}

export interface ZfsTemplateOptions {
  /** Owned by the first id of root's sandboxes. */
  readonly aligned?: boolean;
  /** What it is a copy of; busybox unless given. */
  readonly tree?: string;
}

/** A template with a first snapshot on a throw-away pool. */
export async function makeZfsTemplate(options: ZfsTemplateOptions = {}): Promise<ZfsTemplate> {
  return await addZfsTemplate(await makePool(), 'template', options);
}

/** The same on a pool that there is. */
export async function addZfsTemplate(pool: TestPool, name: string, { aligned = false, tree }: ZfsTemplateOptions): Promise<ZfsTemplate> {
  const dataset = `${pool.name}/${name}`;
  await pool.zfs('create', dataset);
  const directory = join(pool.directory, 'pool', name);
  await execFileAsync('cp', ['-a', `${tree ?? (await busyboxRootfs())}/.`, directory], { timeout: 120_000 });
  if (aligned) await execFileAsync('chown', ['-hR', '1879048192:1879048192', directory], { timeout: 120_000 });
  await pool.zfs('snapshot', `${dataset}@first`);
  return {
    pool,
    dataset,
    directory,
    snapshot: async (name) => {
      await pool.zfs('snapshot', `${dataset}@${name}`);
    },
    clones: async () => {
      const names = (await pool.zfs('list', '-H', '-o', 'name', '-r', pool.name)).trim().split('\n');
      return names.filter((name) => name.startsWith(`${dataset}_`));
    },
  };
}
