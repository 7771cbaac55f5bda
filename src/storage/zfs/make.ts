import { join } from 'node:path';
import type { IsolateError } from '../../error.ts';
import type { Source } from '../driver.ts';
import { forEachLimited } from '../limited.ts';
import { zfsError } from './classify.ts';
import { parallelCommands, type ZfsContext } from './commands.ts';
import { mountByDaemon } from './fuse-mount.ts';
import { mountTogether } from './module-mount.ts';
import { cloneName } from './names.ts';
import { planAllowMount, planClone, planMount, planPlace, planProgram, type ZfsPlan } from './plan.ts';
import { parseProgramAnswer } from './program-answer.ts';

/** So many are made at once where they are mounted at the same time. */
const partSize = 10;

/** The clones of one batch on their way. */
interface Batch {
  readonly context: ZfsContext;
  readonly source: Source;
  readonly ids: readonly string[];
  readonly mountpoint: (id: string) => string;
  /** Why a step failed, by id. */
  readonly failures: Map<string, IsolateError>;
}

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
  const batch: Batch = { context, source, ids, mountpoint: (id) => join(mountDirectory, id), failures: new Map() };
  await (context.implementation.name === 'zfs-fuse' ? makeOnFuse(batch) : makeOnModule(batch));
  return batch.failures;
}

/** Mounts a clone that exists. Answers why it failed, by id. */
export async function mountAgain(context: ZfsContext, id: string, mountDirectory: string): Promise<ReadonlyMap<string, IsolateError>> {
  const { template, implementation } = context;
  const source = { template, name: '', guid: '' };
  const batch: Batch = { context, source, ids: [id], mountpoint: (one) => join(mountDirectory, one), failures: new Map() };
  await (implementation.name === 'zfs-fuse' ? mountOnFuse(batch, id, false) : attempt(batch, id, planMount(template, id)));
  return batch.failures;
}

async function makeOnModule(batch: Batch): Promise<void> {
  const { context, ids, mountpoint, failures } = batch;
  const { template, implementation } = context;
  await (implementation.programClones ? makeByProgram(batch) : attemptAll(batch, ids, (id) => planOf(batch, id)));
  const made = ids.filter((id) => !failures.has(id) || exists(batch, id));
  const placed = implementation.programClones ? await attemptAll(batch, made, (id) => planPlace(template, id, mountpoint(id))) : made;
  const mounts = placed.map((id) => ({ dataset: cloneName(template, id), directory: mountpoint(id) }));
  if (mounts.length > 1 && (await mountTogether(context, mounts))) return;
  await attemptAll(batch, placed, (id) => planMount(template, id));
}

async function makeByProgram({ context, source, ids, failures }: Batch): Promise<void> {
  const { template } = context;
  const answer = await context.zfs(template, planProgram(template, source.name, ids));
  if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
  for (const [id, error] of parseProgramAnswer(template, answer.stdout)) failures.set(id, error);
}

/** zfs-fuse breaks for good if two mounts meet, so they form a queue; the next clones are made beside it. */
async function makeOnFuse(batch: Batch): Promise<void> {
  let mounted: Promise<void> = Promise.resolve();
  for (let start = 0; start < batch.ids.length; start += partSize) {
    const part = batch.ids.slice(start, start + partSize);
    const made = new Set(await attemptAll(batch, part, (id) => planOf(batch, id)));
    mounted = mountPart(batch, part, made, mounted);
    // The code that waits for it in the end gets the error.
    mounted.catch(() => undefined);
  }
  await mounted;
}

async function mountPart(batch: Batch, ids: readonly string[], made: ReadonlySet<string>, before: Promise<void>): Promise<void> {
  await before;
  for (const id of ids) {
    if (made.has(id) || exists(batch, id)) await mountOnFuse(batch, id, made.has(id));
  }
}

async function mountOnFuse(batch: Batch, id: string, isNew: boolean): Promise<void> {
  const { template } = batch.context;
  if (isNew && (await mountsByDaemon(cloneName(template, id), batch.mountpoint(id)))) return;
  if (await attempt(batch, id, planAllowMount(template, id))) await attempt(batch, id, planMount(template, id));
}

async function mountsByDaemon(dataset: string, directory: string): Promise<boolean> {
  return mountByDaemon(dataset, directory).then(
    () => true,
    () => false,
  );
}

function planOf({ context, source, mountpoint }: Batch, id: string): ZfsPlan {
  return planClone(context.implementation, context.template, source.name, id, mountpoint(id));
}

/** A clone that was there already may not be mounted: after a restart of the host or of zfs-fuse none is. */
function exists({ failures }: Batch, id: string): boolean {
  return failures.get(id)?.code === 'dataset-exists';
}

/** All at once first; where one fails, each by itself says why. Those that went well. */
async function attemptAll(batch: Batch, ids: readonly string[], plan: (id: string) => ZfsPlan): Promise<readonly string[]> {
  if (ids.length > 1 && (await batch.context.zfsMany(ids.map(plan)))) return ids;
  const good = new Set<string>();
  await forEachLimited(ids, parallelCommands, async (id) => {
    if (await attempt(batch, id, plan(id))) good.add(id);
  });
  return ids.filter((id) => good.has(id));
}

async function attempt({ context, failures }: Batch, id: string, plan: ZfsPlan): Promise<boolean> {
  const dataset = cloneName(context.template, id);
  const answer = await context.zfs(dataset, plan);
  if (answer.exitCode !== 0) failures.set(id, zfsError(dataset, answer.stderr));
  return answer.exitCode === 0;
}
