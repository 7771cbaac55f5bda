import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { readMounts } from '../host/read-mounts.ts';
import type { CommandResult } from '../process/command.ts';
import { unmount } from '../process/unmount.ts';
import { runWithIds } from './with-ids.ts';

const removal = ['-rf', '--one-file-system', '--'];
const timeoutMs = 600_000;
const measureMs = 30_000;

/** Bytes on disk of a tree that a sandbox wrote. Throws `storage-failed`, `tool-timeout`. */
export async function measureTree(path: string, facts: Facts): Promise<number> {
  const command = { file: '/usr/bin/du', args: ['-sx', '--block-size=1', '--', path], timeoutMs: measureMs };
  const { stdout } = await runWithIds(command, facts);
  const [size] = /^[0-9]+/.exec(stdout) ?? [];
  if (size === undefined) throw new IsolateError('storage-failed', `The tree ${path} could not be measured.`);
  return Number(size);
}

/**
 * Removes a tree that a sandbox wrote, without following links. It uses rm(1), which can remove directories nested deeper than the
 * longest path, and is started again if somebody has killed it or something is mounted there. Throws `storage-failed`, `tool-timeout`.
 */
export async function removeTree(path: string, facts: Facts): Promise<void> {
  const remove = (): Promise<CommandResult> => runWithIds({ file: '/bin/rm', args: [...removal, path], timeoutMs }, facts);
  const first = await remove();
  // 128 + N: signal N ended it.
  const isAgain = first.exitCode > 128 || (first.exitCode !== 0 && (await unmountLayers(path)));
  const { exitCode, stderr } = isAgain ? await remove() : first;
  if (exitCode !== 0) throw new IsolateError('storage-failed', `The tree ${path} could not be removed: ${stderr.trim()}`);
}

/** Unmounts the layers that a run of root left merged on the host because it was killed during a hook. Returns whether there were any. */
async function unmountLayers(path: string): Promise<boolean> {
  const layers = readMounts().filter(({ mountpoint, type }) => type === 'overlay' && mountpoint.startsWith(`${path}/`));
  // What is in use stays, and rm(1) says so.
  for (const { mountpoint } of layers) await unmount(mountpoint);
  return layers.length > 0;
}
