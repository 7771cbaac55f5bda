import { setTimeout as sleep } from 'node:timers/promises';
import type { CloneRef } from '../driver.ts';
import { classifyZfs } from './classify.ts';
import { cloneProperties, clonesOf } from './clones.ts';
import type { ZfsContext } from './commands.ts';
import { cloneName } from './names.ts';
import { planDestroy, planInspect } from './plan.ts';
import { type DatasetProperties, parseProperties } from './properties.ts';

/** zfs-fuse ends an unmount 10 to 50 ms after it answered. */
const attempts = 2;
const delayMs = 20;

/** A destroyed clone, and where it was mounted if that is known. */
export interface Destroyed {
  readonly ref: CloneRef;
  readonly mountpoint: string | null;
}

/**
 * Destroys clones with few commands, because a process for each step costs more than the steps. Clones with anything unusual, and clones
 * that cannot be destroyed at once, are left alone and are not in the answer.
 */
export async function destroyTogether(context: ZfsContext, refs: readonly CloneRef[]): Promise<readonly Destroyed[]> {
  const destroyed: Destroyed[] = [];
  const mountpoints = new Map<CloneRef, string | null>();
  let left = refs;
  for (let attempt = 0; attempt < attempts && left.length > 1; attempt += 1) {
    if (attempt > 0) await sleep(delayMs);
    const seen = await inspect(context, left);
    if (seen === null) break;
    for (const ref of seen.gone) destroyed.push({ ref, mountpoint: mountpoints.get(ref) ?? null });
    for (const { ref, mountpoint } of seen.plain) mountpoints.set(ref, mountpoint);
    left = seen.plain.map(({ ref }) => ref);
    if (left.length === 0) break;
    // zfs-fuse's commands unmount one clone each, and two at a time wedge zfs-fuse for good.
    const mounted = seen.plain.flatMap(({ mounted: yes, mountpoint }) => (yes && mountpoint !== null ? [mountpoint] : []));
    if (context.implementation.name === 'zfs-fuse' && mounted.length > 0) await context.umount(mounted);
    if (await context.zfsMany(left.map(({ id }) => planDestroy(context.template, id, false)))) {
      destroyed.push(...left.map((ref) => ({ ref, mountpoint: mountpoints.get(ref) ?? null })));
      break;
    }
  }
  return destroyed;
}

interface Inspection {
  /** They match their references, are not kept, and have no snapshots or datasets below. */
  readonly plain: readonly { readonly ref: CloneRef; readonly mountpoint: string | null; readonly mounted: boolean }[];
  readonly gone: readonly CloneRef[];
}

/** Null: ZFS reports more than that some do not exist. */
async function inspect(context: ZfsContext, refs: readonly CloneRef[]): Promise<Inspection | null> {
  const { template } = context;
  const { stdout, stderr, exitCode } = await context.zfs(template, planInspect(...refs.map(({ id }) => cloneName(template, id))));
  const errors = stderr.split('\n').filter((line) => line !== '');
  const isMissing = exitCode === 1 && errors.length > 0 && errors.every((line) => classifyZfs(line) === 'missing');
  // One that was killed may not have said all.
  if (exitCode !== 0 && !isMissing) return null;
  const printed = new Set(stdout.split('\n').map((line) => line.split('\t')[0]));
  const datasets = parseProperties(stdout, cloneProperties);
  const clones = new Map(clonesOf(template, datasets).map((clone) => [clone.id, clone]));
  const owners = new Set([...printed].flatMap((name) => /^[^@]*(?=@)|^.*(?=\/)/.exec(name ?? '')?.[0] ?? []));
  const plain = refs.flatMap((ref) => {
    const dataset = cloneName(template, ref.id);
    const clone = clones.get(ref.id);
    if (clone === undefined || clone.guid !== ref.guid || clone.kept || owners.has(dataset)) return [];
    return [{ ref, mountpoint: valueOf(datasets, dataset, 'mountpoint'), mounted: valueOf(datasets, dataset, 'mounted') === 'yes' }];
  });
  return { plain, gone: refs.filter(({ id }) => !printed.has(cloneName(template, id))) };
}

function valueOf(datasets: ReadonlyMap<string, DatasetProperties>, dataset: string, property: string): string | null {
  return datasets.get(dataset)?.get(property)?.value ?? null;
}
