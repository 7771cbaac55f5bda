import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ownership, rootfsOf } from '../../rootfs/rootfs.ts';
import { IsolateError } from '../../error.ts';
import type { CloneInfo, CreateOptions, CreateResult, Source } from '../driver.ts';
import { ownershipOf } from '../directory.ts';
import type { ZfsContext } from './commands.ts';
import { readClones, readMounts } from './list.ts';
import { makeAndMount, mountAgain } from './make.ts';
import { cloneName } from './names.ts';
import type { FindOwnerCopy } from './owner-copy.ts';

/**
 * Makes, marks and mounts clones, then checks the result: whatever a command answered, a clone that exists, is ours and is mounted is a
 * success.
 */
export async function createClones(
  context: ZfsContext,
  source: Source,
  ids: readonly string[],
  options: CreateOptions,
  findOwnerCopy: FindOwnerCopy,
): Promise<readonly CreateResult[]> {
  const { whileMounting = (act) => act(), onReady, owners } = options;
  const results: CreateResult[] = [];
  const tell = async (result: CreateResult): Promise<void> => {
    results.push(result);
    await onReady?.(result);
  };
  const from = owners === null ? source : await findOwnerCopy(source, owners, options).catch(ownError);
  if (from instanceof IsolateError) {
    for (const id of ids) await tell({ id, ok: false, error: from });
    return results;
  }
  const failures = await whileMounting(() => makeAndMount(context, from, ids, options.mountDirectory));
  const clones = new Map((await readClones(context, ids)).map((clone) => [clone.id, clone]));
  for (const id of ids) {
    const clone = clones.get(id);
    const made = clone?.source === from.name ? { ...clone, source: source.name } : clone;
    await tell(await finish(context, id, made, failures.get(id), options));
  }
  return results;
}

/** Mounts a clone that exists, and checks the result as `createClones` does. */
export async function mountClone(context: ZfsContext, there: CloneInfo, options: Omit<CreateOptions, 'onReady'>): Promise<CreateResult> {
  const { id } = there;
  const { whileMounting = (act) => act(), mountDirectory } = options;
  const failures = await whileMounting(async () => {
    if (there.mountpoint === null) await dropDead(context, id, join(mountDirectory, id));
    return await mountAgain(context, id, mountDirectory);
  });
  const [clone] = await readClones(context, [id]);
  return await finish(context, id, clone, failures.get(id), options);
}

/** After zfs-fuse has ended, its mounts are there, answer nothing, and keep others from their places. */
async function dropDead(context: ZfsContext, id: string, path: string): Promise<void> {
  if ((await readMounts()).get(path) === cloneName(context.template, id)) await context.umount([path]);
}

function ownError(error: unknown): IsolateError {
  if (error instanceof IsolateError) return error;
  throw error;
}

async function finish(
  context: ZfsContext,
  id: string,
  clone: CloneInfo | undefined,
  failure: IsolateError | undefined,
  options: Omit<CreateOptions, 'onReady'>,
): Promise<CreateResult> {
  const dataset = cloneName(context.template, id);
  if (clone === undefined || !clone.marked) {
    // A dataset of that name that is not ours existed before.
    const error = failure ?? new IsolateError('storage-failed', `Clone ${dataset} was not made, and ZFS gave no reason.`);
    return { id, ok: false, error };
  }
  if (clone.mountpoint === null) {
    // That it existed before is not a reason.
    const code = failure === undefined || failure.code === 'dataset-exists' ? 'storage-failed' : failure.code;
    const error = new IsolateError(code, `Clone ${dataset} was made but is not mounted.`, { cause: failure });
    return { id, ok: false, error };
  }
  try {
    const ownership: Ownership = options.owners ?? ownershipOf(await lstat(clone.mountpoint));
    const idmappable = context.implementation.idmappedMounts && context.canIdmap(clone.mountpoint);
    return { id, ok: true, clone, rootfs: rootfsOf({ kind: 'tree', source: clone.mountpoint, ownership, idmappable }) };
  } catch (cause) {
    const error = new IsolateError('storage-failed', `Clone ${dataset} was made and cannot be read.`, { cause });
    return { id, ok: false, error };
  }
}
