import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ownership } from '../../engine/engine.ts';
import { IsolateError } from '../../error.ts';
import type { CloneInfo, CreateOptions, CreateResult, Source } from '../driver.ts';
import { forEachLimited } from '../limited.ts';
import { shiftOwners } from '../shift-owners.ts';
import { zfsError } from './classify.ts';
import type { ZfsContext } from './commands.ts';
import { mountByDaemon } from './fuse-mount.ts';
import { readClones } from './list.ts';
import { cloneName } from './names.ts';
import { planAllowMount, planClone, planMount, planPlace, planProgram, type ZfsPlan } from './plan.ts';

/** Clones that are made at once share transactions; more than this gains nothing. */
const parallelClones = 4;

/**
 * Makes, marks, mounts and shifts clones, then looks what there is: whatever a command answered, a clone that exists,
 * is ours and is mounted is a success.
 */
export async function createClones(
  context: ZfsContext,
  source: Source,
  ids: readonly string[],
  options: CreateOptions,
): Promise<readonly CreateResult[]> {
  const failures = new Map<string, IsolateError>();
  const attempt = async (id: string, plan: ZfsPlan): Promise<boolean> => {
    const answer = await context.zfs(cloneName(context.template, id), plan);
    if (answer.exitCode === 0) return true;
    failures.set(id, zfsError(cloneName(context.template, id), answer.stderr));
    return false;
  };
  const mountpoint = (id: string): string => join(options.mountDirectory, id);
  const { implementation: zfs, template } = context;
  if (zfs.programClones) {
    const answer = await context.zfs(template, planProgram(template, source.name, ids));
    if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
  }
  // zfs-fuse breaks for good if two mounts meet, so there they form a queue; making goes on beside it.
  const mount = zfs.name === 'zfs-fuse' ? queued(mountOnFuse) : (id: string) => attempt(id, planMount(template, id));
  async function mountOnFuse(id: string, isNew: boolean): Promise<unknown> {
    const done =
      isNew &&
      (await mountByDaemon(cloneName(template, id), mountpoint(id)).then(
        () => true,
        () => false,
      ));
    return done || ((await attempt(id, planAllowMount(template, id))) && attempt(id, planMount(template, id)));
  }
  await forEachLimited(ids, parallelClones, async (id) => {
    const plan = zfs.programClones ? planPlace(template, id, mountpoint(id)) : planClone(zfs, template, source.name, id, mountpoint(id));
    const isNew = await attempt(id, plan);
    // A clone that was there already may not be mounted: after a restart of the host or of zfs-fuse none is.
    if (isNew || failures.get(id)?.code === 'dataset-exists') await mount(id, isNew);
  });
  const clones = new Map((await readClones(context, ids)).map((clone) => [clone.id, clone]));
  const results: CreateResult[] = [];
  for (const id of ids) results.push(await finish(context, id, clones.get(id), failures.get(id), options));
  return results;
}

/** Makes calls of `action` wait for one another; one that throws does not stop the next. */
function queued<A extends readonly unknown[], T>(action: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const next = last.then(() => action(...args));
    last = next.catch(() => undefined);
    return next;
  };
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
    // What exists under the name but is not ours was there before.
    const error = failure ?? new IsolateError('storage-failed', `Clone ${dataset} was not made, and ZFS gave no reason.`);
    return { id, ok: false, error };
  }
  if (clone.mountpoint === null) {
    const error = new IsolateError('storage-failed', `Clone ${dataset} was made but is not mounted.`, { cause: failure });
    return { id, ok: false, error };
  }
  try {
    const ownership = await own(clone.mountpoint, options.shift);
    return { id, ok: true, clone, rootfs: { path: clone.mountpoint, ownership, idmappable: context.canIdmap(clone.mountpoint) } };
  } catch (cause) {
    const error = new IsolateError('storage-failed', `The owners of the files of clone ${dataset} cannot be shifted.`, { cause });
    return { id, ok: false, error };
  }
}

/** A template whose ownership was aligned needs no walk, whether or not one was asked for. */
async function own(path: string, shift: CreateOptions['shift']): Promise<Ownership> {
  if (shift !== null) {
    await shiftOwners(path, shift);
    return shift;
  }
  const { uid, gid } = await lstat(path);
  return uid === 0 && gid === 0 ? { kind: 'natural' } : { kind: 'shifted', uidBase: uid, gidBase: gid };
}
