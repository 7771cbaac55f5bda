import { createHash } from 'node:crypto';
import { lstat, opendir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ChangedOwnership } from '../../rootfs/rootfs.ts';
import { IsolateError } from '../../error.ts';
import { ownershipOf } from '../directory.ts';
import type { CreateOptions, Source } from '../driver.ts';
import { mapOwners, mapsOf } from '../map-owners.ts';
import { classifyZfs, zfsError } from './classify.ts';
import { cloneProperties, isKept, isOwnerCopy } from './clones.ts';
import type { ZfsContext } from './commands.ts';
import { makeAndMount } from './make.ts';
import { cloneName, copySnapshot, ownerCopyId, readOwnerCopyId } from './names.ts';
import { planDestroy, planInspect, planList, planReady, planUnmount, type ZfsPlan } from './plan.ts';
import { type DatasetProperties, parseProperties } from './properties.ts';

// Where clones cannot be mounted with other ids, the owner of every file has to change, which takes seconds. This is done once in a clone
// of the template's snapshot, the owner copy; its own snapshot is then what clones with these owners are made from.

/** The source of clones of `source` whose files have other owners; made if it is missing. Throws what ZFS says, `storage-failed`. */
export type FindOwnerCopy = (source: Source, owners: ChangedOwnership, options: CreateOptions) => Promise<Source>;

/** One copy at a time is made for the same owners; whoever else wants it waits. The pool's lock keeps other processes from making it. */
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
  if (found !== null) await remove(context, id, found);
  const { mountDirectory, whileMounting = (act) => act() } = options;
  const failures = await whileMounting(() => makeAndMount(context, source, [id], mountDirectory));
  const failure = failures.get(id);
  if (failure !== undefined) throw failure;
  try {
    await changeOwners(dataset, join(mountDirectory, id), owners);
    await whenFree(context, dataset, planUnmount(template, id));
    await rmdir(join(mountDirectory, id)).catch(() => undefined);
    await whenFree(context, dataset, planReady(template, id));
  } catch (error) {
    const unfinished = await inspect(context, dataset).catch(() => null);
    if (unfinished !== null) await remove(context, id, unfinished).catch(() => undefined);
    throw error;
  }
  return copy;
}

/** Runs a command that needs its dataset to be unused. zfs-fuse ends an unmount 10 to 50 ms after it answered. */
async function whenFree(context: ZfsContext, dataset: string, plan: ZfsPlan): Promise<void> {
  for (const pauseMs of [25, 50, 100, 200, null]) {
    const answer = await context.zfs(dataset, plan);
    if (answer.exitCode === 0) return;
    if (pauseMs === null || classifyZfs(answer.stderr) !== 'busy') throw zfsError(dataset, answer.stderr);
    await sleep(pauseMs);
  }
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

/** Removes the copies that no clone needs any more, except those of `newest` and kept ones. What is in use is left to a later call. */
export async function removeOwnerCopies(context: ZfsContext, newest: Source | null): Promise<void> {
  const { template, implementation } = context;
  const answer = await context.zfs(template, planList(implementation, template));
  const datasets = parseProperties(answer.stdout, cloneProperties);
  for (const [name, properties] of datasets) {
    const id = readOwnerCopyId(template, name);
    if (id === null || !isOwnerCopy(template, name, properties) || isKept(properties) || properties.get('origin')?.value === newest?.name)
      continue;
    const found = await inspect(context, name);
    if (found !== null) await remove(context, id, found).catch(() => undefined);
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
async function remove(context: ZfsContext, id: string, found: ReadonlyMap<string, DatasetProperties>): Promise<void> {
  const { template } = context;
  const dataset = cloneName(template, id);
  const properties = found.get(dataset);
  const isPlain = [...found.keys()].every((name) => name === dataset || name === copySnapshot(dataset));
  if (properties === undefined || !isOwnerCopy(template, dataset, properties) || !isPlain) {
    throw new IsolateError('dataset-not-ours', `Dataset ${dataset} is not as isolate made it.`, {
      hint: `check it, then zfs destroy -r ${dataset}`,
    });
  }
  if (properties.get('mounted')?.value === 'yes') await whenFree(context, dataset, planUnmount(template, id));
  await whenFree(context, dataset, planDestroy(template, id, found.size > 1));
  const mountpoint = properties.get('mountpoint')?.value ?? '';
  if (mountpoint.endsWith(`/${id}`)) await rmdir(mountpoint).catch(() => undefined);
}
