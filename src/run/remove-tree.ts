import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
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
 * longest path. Throws `storage-failed`, `tool-timeout`.
 */
export async function removeTree(path: string, facts: Facts): Promise<void> {
  const { exitCode, stderr } = await runWithIds({ file: '/bin/rm', args: [...removal, path], timeoutMs }, facts);
  if (exitCode !== 0) throw new IsolateError('storage-failed', `The tree ${path} could not be removed: ${stderr.trim()}`);
}
