import { readFile, stat } from 'node:fs/promises';
import { parseMountinfo } from '../../host/mountinfo.ts';
import type { CloneInfo } from '../driver.ts';
import { classifyZfs, zfsError } from './classify.ts';
import { cloneProperties, clonesOf, type OwnerCopy, ownerCopiesOf } from './clones.ts';
import type { ZfsContext } from './commands.ts';
import { cloneName } from './names.ts';
import { planList, planRead, planUsage, usageProperties } from './plan.ts';
import { type DatasetProperties, parseProperties } from './properties.ts';

/** All clones of the template and its owner copies, in one command. */
export async function listClones(
  context: ZfsContext,
): Promise<{ readonly clones: readonly CloneInfo[]; readonly copies: readonly OwnerCopy[] }> {
  const answer = await context.zfs(context.template, planList(context.implementation, context.template));
  // Where the dataset above is gone there is nothing beside the template.
  if (answer.exitCode !== 0 && classifyZfs(answer.stderr) === 'missing') return { clones: [], copies: [] };
  if (answer.exitCode !== 0) throw zfsError(context.template, answer.stderr);
  const datasets = parseProperties(answer.stdout, cloneProperties);
  return { clones: await seen(context, datasets), copies: ownerCopiesOf(context.template, datasets) };
}

/** Those of `ids` that exist and are clones of the template, in one command. */
export async function readClones(context: ZfsContext, ids: readonly string[]): Promise<readonly CloneInfo[]> {
  if (ids.length === 0) return [];
  const answer = await context.zfs(context.template, planRead(context.template, ids));
  if (answer.exitCode !== 0 && classifyZfs(answer.stderr) !== 'missing') throw zfsError(context.template, answer.stderr);
  return seen(context, parseProperties(answer.stdout, cloneProperties));
}

/** The space of those of `ids` that exist, in one command. */
export async function readUsage(context: ZfsContext, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map();
  const { stdout } = await context.zfs(context.template, planUsage(context.template, ids));
  const datasets = parseProperties(stdout, usageProperties);
  const sizes = ids.map((id) => [id, Number(datasets.get(cloneName(context.template, id))?.get('used')?.value ?? Number.NaN)] as const);
  return new Map(sizes.filter(([, size]) => Number.isSafeInteger(size)));
}

/**
 * `mountpoint` is given only where this mount namespace really has the clone mounted and alive: after zfs-fuse was
 * restarted its old mounts are still there and answer nothing.
 */
async function seen(context: ZfsContext, datasets: ReadonlyMap<string, DatasetProperties>): Promise<readonly CloneInfo[]> {
  const clones = clonesOf(context.template, datasets);
  const mounted = await readMounts();
  return Promise.all(
    clones.map(async (clone) => {
      const { mountpoint } = clone;
      const there = mountpoint !== null && mounted.get(mountpoint) === cloneName(context.template, clone.id);
      return there && (await answers(mountpoint)) ? clone : { ...clone, mountpoint: null };
    }),
  );
}

/** Dataset by mountpoint, the topmost mount of each; only of real ZFS file systems, which a user's FUSE mount is not. */
export async function readMounts(): Promise<ReadonlyMap<string, string | null>> {
  const mounts = new Map<string, string | null>();
  for (const { mountpoint, type, source } of parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))) {
    mounts.set(mountpoint, type === 'zfs' || type === 'fuse.zfs' ? source : null);
  }
  return mounts;
}

async function answers(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
