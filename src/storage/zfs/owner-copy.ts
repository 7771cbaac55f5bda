import { createHash } from 'node:crypto';
import { lstat, opendir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { ChangedOwnership } from '../../rootfs/rootfs.ts';
import { IsolateError } from '../../error.ts';
import { ownershipOf } from '../directory.ts';
import type { CreateOptions, Source, WhileMounting } from '../driver.ts';
import { mapOwners, mapsOf } from '../map-owners.ts';
import { classifyZfs, zfsError } from './classify.ts';
import { cloneProperties, isOwnerCopy, type OwnerCopy } from './clones.ts';
import type { ZfsContext } from './commands.ts';
import { makeAndMount } from './make.ts';
import { cloneName, copySnapshot, ownerCopyId } from './names.ts';
import { planDestroy, planInspect, planReady, planUnmount, type ZfsPlan } from './plan.ts';
import { type DatasetProperties, parseProperties } from './properties.ts';
import { runWhenFree } from './when-free.ts';

// Where clones cannot be mounted with other ids, the owner of every file has to change, which takes seconds. This is done once in a clone
// of the template's snapshot, the owner copy; its own snapshot is then what clones with these owners are made from.

/** The source of clones of `source` whose files have other owners; made if it is missing. Throws what ZFS says, `storage-failed`. */
export type FindOwnerCopy = (source: Source, owners: ChangedOwnership, options: CreateOptions) => Promise<Source>;

/** Makes one copy at a time for the same owners, and has other callers wait for it. The pool's lock keeps other processes away. */
export function ownerCopies(context: ZfsContext): FindOwnerCopy {
  const running = new Map<string, Promise<Source>>();
  return async (source, owners, options) => {
    const id = ownerCopyId(
      createHash('sha256')
        .update(JSON.stringify([source.guid, mapsOf(owners)]))
        .digest('hex')
        .slice(0, 16),
    );
    const making = running.get(id) ?? find(context, id, source, owners, options).finally(() => running.delete(id));
    running.set(id, making);
    return await making;
  };
}

async function find(context: ZfsContext, id: string, source: Source, owners: ChangedOwnership, options: CreateOptions): Promise<Source> {
  const { template } = context;
  const dataset = cloneName(template, id);
  const copy = { ...source, name: copySnapshot(dataset) };
  const found = await inspect(context, dataset);
  if (found?.has(copy.name) === true && found.get(dataset)?.get('origin')?.value === source.name) return copy;
  const { mountDirectory, whileMounting = (act) => act() } = options;
  if (found !== null) await remove(context, id, found, whileMounting);
  const failures = await whileMounting(() => makeAndMount(context, source, [id], mountDirectory));
  const failure = failures.get(id);
  if (failure !== undefined) throw failure;
  try {
    await changeOwners(dataset, join(mountDirectory, id), owners);
    await whileMounting(() => whenFree(context, dataset, planUnmount(template, id)));
    await rmdir(join(mountDirectory, id)).catch(() => undefined);
    await whenFree(context, dataset, planReady(template, id));
  } catch (error) {
    const unfinished = await inspect(context, dataset).catch(() => null);
    if (unfinished !== null) await remove(context, id, unfinished, whileMounting).catch(() => undefined);
    throw error;
  }
  return copy;
}

async function whenFree(context: ZfsContext, dataset: string, plan: ZfsPlan): Promise<void> {
  const answer = await runWhenFree(context, dataset, plan);
  if (answer.exitCode !== 0) throw zfsError(dataset, answer.stderr);
}

async function changeOwners(dataset: string, path: string, owners: ChangedOwnership): Promise<void> {
  // Held open, so that nobody can unmount it in the meantime.
  const held = await opendir(path);
  try {
    await mapOwners(path, ownershipOf(await lstat(path)), mapsOf(owners));
  } catch (cause) {
    throw new IsolateError('storage-failed', `The owners of the files of ${dataset} cannot be changed.`, { cause });
  } finally {
    await held.close();
  }
}

/** Removes those of `copies` that no clone needs any more. What is in use is left to a later call. */
export async function removeOwnerCopies(context: ZfsContext, copies: readonly OwnerCopy[], whileMounting: WhileMounting): Promise<void> {
  for (const { id } of copies) {
    const found = await inspect(context, cloneName(context.template, id));
    if (found !== null) await remove(context, id, found, whileMounting).catch(() => undefined);
  }
}

/** The dataset and its snapshots; null: there is none. */
async function inspect(context: ZfsContext, dataset: string): Promise<ReadonlyMap<string, DatasetProperties> | null> {
  const answer = await context.zfs(dataset, planInspect(dataset));
  if (answer.exitCode === 0) return parseProperties(answer.stdout, cloneProperties);
  if (classifyZfs(answer.stderr) === 'missing') return null;
  throw zfsError(dataset, answer.stderr);
}

/** Throws `dataset-not-ours`, and `dataset-busy` for one that clones were made from. */
async function remove(
  context: ZfsContext,
  id: string,
  found: ReadonlyMap<string, DatasetProperties>,
  whileMounting: WhileMounting,
): Promise<void> {
  const { template } = context;
  const dataset = cloneName(template, id);
  const properties = found.get(dataset);
  const isPlain = [...found.keys()].every((name) => name === dataset || name === copySnapshot(dataset));
  if (properties === undefined || !isOwnerCopy(template, dataset, properties) || !isPlain) {
    throw new IsolateError('dataset-not-ours', `Dataset ${dataset} is not as isolate made it.`, {
      hint: `check it, then zfs destroy -r ${dataset}`,
    });
  }
  if (properties.get('mounted')?.value === 'yes') await whileMounting(() => whenFree(context, dataset, planUnmount(template, id)));
  await whenFree(context, dataset, planDestroy(template, id, found.size > 1));
  const mountpoint = properties.get('mountpoint')?.value ?? '';
  if (mountpoint.endsWith(`/${id}`)) await rmdir(mountpoint).catch(() => undefined);
}
