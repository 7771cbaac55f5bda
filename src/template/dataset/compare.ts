import { runCommand } from '../../process/command.ts';
import { compareListings, isSame } from '../listing.ts';
import { listTree } from '../trees.ts';
import { openDataset } from './mount.ts';
import type { DatasetContext } from './zfs.ts';

const timeoutMs = 3_600_000;

/** Whether two datasets certainly have the same files. The times of zfs-fuse are whole seconds, so there the contents are compared too. */
export async function haveSameFiles(context: DatasetContext, one: string, other: string): Promise<boolean> {
  const first = await openDataset(context, one);
  try {
    const second = await openDataset(context, other);
    try {
      const [left, right] = [await listTree(context.own, first.path, false), await listTree(context.own, second.path, false)];
      if (!isSame(compareListings(left, right))) return false;
      return context.implementation.name !== 'zfs-fuse' || (await haveSameContents(first.path, second.path));
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

async function haveSameContents(one: string, other: string): Promise<boolean> {
  const args = ['--recursive', '--brief', '--no-dereference', '--', one, other];
  return (await runCommand({ file: '/usr/bin/diff', args, timeoutMs })).exitCode === 0;
}
