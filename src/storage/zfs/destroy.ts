import { rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../../error.ts';
import type { CloneRef, DestroyResult } from '../driver.ts';
import { forEachLimited } from '../limited.ts';
import { classifyZfs, zfsError } from './classify.ts';
import { cloneProperties, clonesOf } from './clones.ts';
import type { ZfsContext } from './commands.ts';
import { destroyTogether } from './destroy-together.ts';
import { cloneName } from './names.ts';
import { planDestroy, planInspect, planUnmount } from './plan.ts';
import { parseProperties } from './properties.ts';

/**
 * Pauses before busy clones are tried again. zfs-fuse ends an unmount 10 to 50 ms after it answered; a clone in use stays busy longer.
 */
const pausesMs = [25, 50, 100];
const parallelDestroys = 4;

/** Unmounts and destroys clones, each checked again right before: the simple ones together, then the others one by one. */
export async function destroyClones(context: ZfsContext, refs: readonly CloneRef[]): Promise<readonly DestroyResult[]> {
  const results = new Map<CloneRef, DestroyResult>();
  // The reason why it does not work together shows when each is done by itself.
  for (const { ref, mountpoint } of await destroyTogether(context, refs).catch(() => [])) {
    await removeMountpoint(context, ref.id, mountpoint);
    results.set(ref, { id: ref.id, outcome: 'gone' });
  }
  const candidates = new Map<CloneRef, Candidate>();
  await forEach(context, refs, results, async (ref) => {
    const checked = await check(context, ref);
    if ('outcome' in checked) results.set(ref, checked);
    else candidates.set(ref, checked);
  });
  // Busy clones are waited for together, so that one that stays busy does not delay others.
  for (const pauseMs of [0, ...pausesMs]) {
    const left = [...candidates.keys()].filter((ref) => (results.get(ref)?.outcome ?? 'busy') === 'busy');
    if (left.length === 0) break;
    if (pauseMs > 0) await sleep(pauseMs);
    for (const ref of left) results.delete(ref);
    await forEach(context, left, results, async (ref) => {
      const candidate = candidates.get(ref);
      if (candidate !== undefined) results.set(ref, await destroyOne(context, ref, candidate));
    });
  }
  return refs.map((ref) => results.get(ref) ?? failed(ref, undefined));
}

async function forEach(
  { implementation }: ZfsContext,
  refs: readonly CloneRef[],
  results: Map<CloneRef, DestroyResult>,
  action: (ref: CloneRef) => Promise<void>,
): Promise<void> {
  const left = refs.filter((ref) => !results.has(ref));
  await forEachLimited(left, implementation.name === 'zfs-fuse' ? 1 : parallelDestroys, (ref) =>
    action(ref).catch((error: unknown) => void results.set(ref, failed(ref, error))),
  );
}

/** A clone that may be destroyed. */
interface Candidate {
  readonly dataset: string;
  readonly hasSnapshots: boolean;
  readonly mountpoint: string | null;
}

/** Checks that it matches the reference, and unmounts it. */
async function check(context: ZfsContext, ref: CloneRef): Promise<Candidate | DestroyResult> {
  const { template } = context;
  const { id } = ref;
  const dataset = cloneName(template, id);
  const inspected = await context.zfs(dataset, planInspect(dataset));
  if (inspected.exitCode !== 0) {
    if (classifyZfs(inspected.stderr) === 'missing') return { id, outcome: 'gone' };
    return { id, outcome: 'failed', error: zfsError(dataset, inspected.stderr) };
  }
  const datasets = parseProperties(inspected.stdout, cloneProperties);
  const clone = clonesOf(template, datasets).find((one) => one.id === id);
  const foreign = foreignPart(dataset, datasets.keys());
  if (clone === undefined || clone.guid !== ref.guid || clone.kept || foreign !== null) {
    return { id, outcome: 'refused', error: refusal(dataset, clone?.kept === true, foreign) };
  }
  await context.zfs(dataset, planUnmount(template, id));
  return { dataset, hasSnapshots: datasets.size > 1, mountpoint: datasets.get(dataset)?.get('mountpoint')?.value ?? null };
}

async function destroyOne(context: ZfsContext, { id }: CloneRef, candidate: Candidate): Promise<DestroyResult> {
  const { dataset, hasSnapshots, mountpoint } = candidate;
  const answer = await context.zfs(dataset, planDestroy(context.template, id, hasSnapshots));
  const failure = answer.exitCode === 0 ? 'missing' : classifyZfs(answer.stderr);
  if (failure !== 'missing') return { id, outcome: failure === 'busy' ? 'busy' : 'failed', error: zfsError(dataset, answer.stderr) };
  await removeMountpoint(context, id, mountpoint);
  return { id, outcome: 'gone' };
}

/** Somebody made a child dataset, which `destroy -r` would destroy too. */
function foreignPart(dataset: string, names: Iterable<string>): string | null {
  for (const name of names) {
    if (name !== dataset && !name.startsWith(`${dataset}@`)) return name;
  }
  return null;
}

function refusal(dataset: string, kept: boolean, foreign: string | null): IsolateError {
  if (kept) return new IsolateError('dataset-not-ours', `Clone ${dataset} is kept by its user.`);
  if (foreign !== null) {
    return new IsolateError('dataset-not-ours', `Clone ${dataset} contains ${foreign}, which isolate did not make.`, {
      hint: `check it, then zfs destroy ${foreign}`,
    });
  }
  return new IsolateError('dataset-not-ours', `Dataset ${dataset} is not the clone that was expected.`);
}

/**
 * zfs-fuse leaves the directory behind, OpenZFS removes it; a dead zfs-fuse also leaves a dead mount on it. rmdir(2) removes only an
 * empty directory, and the clone is gone; the pool's sweep reports what is left.
 */
async function removeMountpoint(context: ZfsContext, id: string, path: string | null): Promise<void> {
  if (path?.endsWith(`/${id}`) !== true) return;
  await rmdir(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EBUSY') return;
    await context.umount([path]);
    await rmdir(path).catch(() => undefined);
  });
}

function failed(ref: CloneRef, error: unknown): DestroyResult {
  if (error instanceof IsolateError) return { id: ref.id, outcome: 'failed', error };
  const wrapped = new IsolateError('storage-failed', `Clone ${ref.id} cannot be destroyed.`, { cause: error });
  return { id: ref.id, outcome: 'failed', error: wrapped };
}
