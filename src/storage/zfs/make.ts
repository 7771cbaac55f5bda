import { join } from 'node:path';
import type { IsolateError } from '../../error.ts';
import type { Source } from '../driver.ts';
import { forEachLimited } from '../limited.ts';
import { zfsError } from './classify.ts';
import { parallelCommands, type ZfsContext } from './commands.ts';
import { mountByDaemon } from './fuse-mount.ts';
import { cloneName } from './names.ts';
import { planAllowMount, planClone, planMount, planPlace, planProgram, type ZfsPlan } from './plan.ts';
import { parseProgramAnswer } from './program-answer.ts';

/**
 * Makes clones, marks them and mounts each below `mountDirectory`, in the way that is quickest on this implementation.
 * Answers why a step failed, by id; whether a clone is there all the same is for the caller to look.
 */
export async function makeAndMount(
  context: ZfsContext,
  source: Source,
  ids: readonly string[],
  mountDirectory: string,
): Promise<ReadonlyMap<string, IsolateError>> {
  const { implementation: zfs, template } = context;
  const failures = new Map<string, IsolateError>();
  const attempt = async (id: string, plan: ZfsPlan): Promise<boolean> => {
    const answer = await context.zfs(cloneName(template, id), plan);
    if (answer.exitCode !== 0) failures.set(id, zfsError(cloneName(template, id), answer.stderr));
    return answer.exitCode === 0;
  };
  // A clone that was there already may not be mounted: after a restart of the host or of zfs-fuse none is.
  const exists = (id: string): boolean => failures.get(id)?.code === 'dataset-exists';
  const mountpoint = (id: string): string => join(mountDirectory, id);
  const planOf = (id: string): ZfsPlan => planClone(zfs, template, source.name, id, mountpoint(id));
  // All at once first; where one fails, each by itself says why, and one that was made already says that.
  const allMade = !zfs.programClones && ids.length > 1 && (await context.zfsMany(ids.map(planOf)));
  const clone = async (id: string): Promise<boolean> => allMade || (await attempt(id, planOf(id)));

  if (zfs.name === 'zfs-fuse') {
    // It breaks for good if two mounts meet, so they form a queue; making goes on beside it.
    const mount = queued(async (id: string, isNew: boolean) => {
      if (isNew && (await mountsByDaemon(cloneName(template, id), mountpoint(id)))) return;
      if (await attempt(id, planAllowMount(template, id))) await attempt(id, planMount(template, id));
    });
    await forEachLimited(ids, parallelCommands, async (id) => {
      const isNew = await clone(id);
      if (isNew || exists(id)) await mount(id, isNew);
    });
    return failures;
  }
  if (zfs.programClones) {
    const answer = await context.zfs(template, planProgram(template, source.name, ids));
    if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
    for (const [id, error] of parseProgramAnswer(template, answer.stdout)) failures.set(id, error);
  }
  await forEachLimited(ids, parallelCommands, async (id) => {
    const made = zfs.programClones ? !failures.has(id) : await clone(id);
    if (!made && !exists(id)) return;
    if (zfs.programClones && !(await attempt(id, planPlace(template, id, mountpoint(id))))) return;
    await attempt(id, planMount(template, id));
  });
  return failures;
}

async function mountsByDaemon(dataset: string, directory: string): Promise<boolean> {
  return mountByDaemon(dataset, directory).then(
    () => true,
    () => false,
  );
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
