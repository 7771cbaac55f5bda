import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { escapeField } from '../../host/mountinfo.ts';
import type { ZfsContext } from './commands.ts';
import { parentOf } from './names.ts';
import { mountProperties, planMountProperties, rootMountOptions } from './plan.ts';
import { parseProperties } from './properties.ts';

/** A dataset and the directory it is to be mounted on. */
export interface MountPlan {
  readonly dataset: string;
  readonly directory: string;
}

/**
 * Mounts many clones of a template by one mount(8), because a process each costs more than the mounts do. With the
 * options that zfs(8) would give them: those that follow from properties, their own and what they inherit.
 * Answers whether all are mounted.
 */
export async function mountTogether(context: ZfsContext, mounts: readonly MountPlan[]): Promise<boolean> {
  const [first] = mounts;
  if (first === undefined) return true;
  const options = await readMountOptions(context);
  if (options === null) return false;
  for (const { directory } of mounts) mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Beside the directories of the pools, root's alone; mount(8) cannot read a socket, which is what a pipe of Node's is.
  const scratch = mkdtempSync(join(dirname(dirname(first.directory)), '.mount-'));
  try {
    const table = join(scratch, 'fstab');
    writeFileSync(table, formatTable(mounts, options), { mode: 0o600 });
    return (await context.mountTable(table)).exitCode === 0;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The lines of fstab(5). */
export function formatTable(mounts: readonly MountPlan[], options: readonly string[]): string {
  return mounts
    .map(({ dataset, directory }) => `${[dataset, directory].map(escapeField).join(' ')} zfs ${options.join(',')} 0 0\n`)
    .join('');
}

async function readMountOptions(context: ZfsContext): Promise<readonly string[] | null> {
  const { template } = context;
  const answer = await context.zfs(template, planMountProperties(template));
  const properties = parseProperties(answer.stdout, Object.keys(mountProperties)).get(parentOf(template));
  if (answer.exitCode !== 0 || properties === undefined) return null;
  const chosen = Object.entries(mountProperties).map(([name, [on, off]]) => (properties.get(name)?.value === 'on' ? on : off));
  return ['zfsutil', ...chosen, ...rootMountOptions];
}
