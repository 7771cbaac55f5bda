import { IsolateError } from '../error.ts';
import { lastLine } from '../process/last-line.ts';
import type { CommandResult } from '../process/command.ts';
import { removeTree } from '../run/remove-tree.ts';
import { runWithIds } from '../run/with-ids.ts';
import type { TemplateContext } from './context.ts';
import { compareListings, isSame, type Listing, parseListing } from './listing.ts';

/** For a program that reads or writes a tree: a large one on a slow disk. */
export const treeTimeoutMs = 3_600_000;

/** For some four million files with names and targets of usual lengths; a string has at most 2^29 characters. */
const mostListed = 500_000_000;

/** Removes everything in a directory, without following links. Throws `storage-failed`, the reason of the context's signal. */
export async function emptyTree({ facts, signal }: TemplateContext, path: string): Promise<void> {
  const args = [path, '-xdev', '-mindepth', '1', '-delete'];
  const stop = signal === undefined ? {} : { signal };
  const { exitCode, stderr } = await runWithIds({ file: '/usr/bin/find', args, timeoutMs: treeTimeoutMs, ...stop }, facts);
  signal?.throwIfAborted();
  if (exitCode !== 0) throw new IsolateError('storage-failed', `${path} cannot be emptied: ${lastLine(stderr)}.`);
}

/** Removes a tree without following links. */
export async function discardTree({ facts }: TemplateContext, path: string): Promise<void> {
  await removeTree(path, facts);
}

/** What trees take up on disk, in bytes. Blocks that several share count once for each. */
export async function sizeOfTrees({ facts }: TemplateContext, paths: readonly string[]): Promise<number> {
  const args = ['--summarize', '--one-file-system', '--block-size=1', '--', ...paths];
  const { stdout } = await runWithIds({ file: '/usr/bin/du', args, timeoutMs: treeTimeoutMs }, facts);
  return stdout.split('\n').reduce((sum, line) => sum + (Number.parseInt(line, 10) || 0), 0);
}

/**
 * Every file of a tree with its kind, mode, owner, size, time and target. `changeTimes`: and when its inode was changed last, which a copy
 * does not keep. Throws `storage-failed`, the reason of the context's signal.
 */
export async function listTree({ facts, signal }: TemplateContext, path: string, changeTimes: boolean): Promise<Listing> {
  const [all, times] = ['%y %m %U %G', changeTimes ? '%s %T@ %C@' : '%s %T@'];
  const format = String.raw`%P\0${all} ${times} %l\0`;
  const directory = String.raw`%P\0${all}\0`;
  const args = [path, '-xdev', '-mindepth', '1', '(', '-type', 'd', '-printf', directory, ')', '-o', '-printf', format];
  const stop = signal === undefined ? {} : { signal };
  const answer: CommandResult = await runWithIds(
    { file: '/usr/bin/find', args, timeoutMs: treeTimeoutMs, mostOutput: mostListed, ...stop },
    facts,
  );
  signal?.throwIfAborted();
  if (answer.exitCode !== 0) throw new IsolateError('storage-failed', `${path} cannot be listed: ${lastLine(answer.stderr)}.`);
  return parseListing(answer.stdout);
}

/** Whether two trees have the same files, as far as a listing shows. */
export async function haveSameListing(context: TemplateContext, one: string, other: string): Promise<boolean> {
  const [left, right] = [await listTree(context, one, false), await listTree(context, other, false)];
  return isSame(compareListings(left, right));
}
