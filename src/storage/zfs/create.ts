import { lstat } from 'node:fs/promises';
import { rootfsOf, type StoredOwnership } from '../../rootfs/rootfs.ts';
import { IsolateError } from '../../error.ts';
import type { CloneInfo, CreateOptions, CreateResult, Source } from '../driver.ts';
import { shiftOwners } from '../shift-owners.ts';
import type { ZfsContext } from './commands.ts';
import { readClones } from './list.ts';
import { makeAndMount } from './make.ts';
import { cloneName } from './names.ts';

/**
 * Makes, marks, mounts and shifts clones, then checks the result: whatever a command answered, a clone that exists, is ours and is
 * mounted is a success.
 */
export async function createClones(
  context: ZfsContext,
  source: Source,
  ids: readonly string[],
  options: CreateOptions,
): Promise<readonly CreateResult[]> {
  const { whileMounting = (act) => act(), onReady } = options;
  const failures = await whileMounting(() => makeAndMount(context, source, ids, options.mountDirectory));
  const clones = new Map((await readClones(context, ids)).map((clone) => [clone.id, clone]));
  const results: CreateResult[] = [];
  for (const id of ids) {
    const result = await finish(context, id, clones.get(id), failures.get(id), options);
    results.push(result);
    await onReady?.(result);
  }
  return results;
}

async function finish(
  context: ZfsContext,
  id: string,
  clone: CloneInfo | undefined,
  failure: IsolateError | undefined,
  options: CreateOptions,
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
    const ownership = await own(clone.mountpoint, options.shift);
    const idmappable = context.implementation.idmappedMounts && context.canIdmap(clone.mountpoint);
    return { id, ok: true, clone, rootfs: rootfsOf({ kind: 'tree', source: clone.mountpoint, ownership, idmappable }) };
  } catch (cause) {
    const error = new IsolateError('storage-failed', `The owners of the files of clone ${dataset} cannot be shifted.`, { cause });
    return { id, ok: false, error };
  }
}

/** A template whose owners are already shifted needs no walk, whether or not one was requested. */
async function own(path: string, shift: CreateOptions['shift']): Promise<StoredOwnership> {
  if (shift !== null) {
    await shiftOwners(path, shift);
    return shift;
  }
  const { uid, gid } = await lstat(path);
  return uid === 0 && gid === 0 ? { kind: 'natural' } : { kind: 'shifted', uidBase: uid, gidBase: gid };
}
