import { IsolateError } from '../../error.ts';
import { lastLine } from '../../process/last-line.ts';
import { runCommand } from '../../process/command.ts';
import type { TemplateContext } from '../context.ts';
import { haveSameListing, treeTimeoutMs } from '../trees.ts';
import { withDataset } from './mount.ts';
import type { DatasetContext } from './zfs.ts';

/** Whether two datasets certainly have the same files. The times of zfs-fuse are whole seconds, so there the contents are compared too. */
export async function haveSameFiles(context: DatasetContext, one: string, other: string): Promise<boolean> {
  return await withDataset(context, one, (first) =>
    withDataset(context, other, async (second) => {
      if (!(await haveSameListing(context.own, first.path, second.path))) return false;
      return context.implementation.name !== 'zfs-fuse' || (await haveSameContents(context.own, first.path, second.path));
    }),
  );
}

async function haveSameContents({ signal }: TemplateContext, one: string, other: string): Promise<boolean> {
  const args = ['--recursive', '--brief', '--no-dereference', '--', one, other];
  const stop = signal === undefined ? {} : { signal };
  const { exitCode, stderr } = await runCommand({ file: '/usr/bin/diff', args, timeoutMs: treeTimeoutMs, ...stop });
  signal?.throwIfAborted();
  // Its exit statuses: the same, different, trouble (diff(1)); 128 + N: signal N ended it.
  if (exitCode > 1) throw new IsolateError('storage-failed', `${one} and ${other} cannot be compared: ${lastLine(stderr)}.`);
  return exitCode === 0;
}
