import { mkdirSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import { type Command, type CommandResult, runCommand } from '../process/command.ts';
import { idsOfTrees, planTreeProgram } from '../run/tree-program.ts';
import { runAsTool } from '../run/with-ids.ts';
import type { TemplateContext } from './context.ts';
import { makeIn, noSpace, saysNoSpace } from './no-space.ts';
import { lastLine } from '../process/last-line.ts';
import { treeTimeoutMs } from './trees.ts';

/** Where isolate-tree sees the tree and its copy. */
const [fromInside, toInside] = ['/from', '/to'] as const;

/** A copy to be made. */
export interface TreeCopy {
  readonly from: string;
  /** Made if it is missing. */
  readonly to: string;
  /** What messages call the tree, and the directory or dataset that has or lacks space for the copy. */
  readonly name: string;
  readonly storage: string;
}

/**
 * Copies a tree with owners, times, hard links, ACLs and attributes, in blocks that both share where the file system can do that. Throws
 * `storage-failed`, `pool-full`, `missing-tool`, the reason of the context's signal.
 */
export async function copyTree(context: TemplateContext, { from, to, name, storage }: TreeCopy): Promise<void> {
  const { signal } = context;
  signal?.throwIfAborted();
  makeIn(storage, 'directory', () => mkdirSync(to, { recursive: true, mode: 0o700 }));
  const { exitCode, stderr } = await runCopy(context, from, to);
  signal?.throwIfAborted();
  if (exitCode === 0) return;
  if (saysNoSpace(stderr)) throw noSpace(`${name} cannot be copied`, storage);
  throw new IsolateError('storage-failed', `${name} cannot be copied: ${lastLine(stderr)}.`);
}

/** A run may be changing the tree. */
async function runCopy({ facts, signal }: TemplateContext, from: string, to: string): Promise<CommandResult> {
  const copying = (one: string, other: string): Command => ({
    file: facts.files.tree,
    args: ['copy', one, '.', other, '.'],
    timeoutMs: treeTimeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  const trees = [
    { source: from, inside: fromInside, writable: false },
    { source: to, inside: toInside, writable: true },
  ];
  const inside = copying(fromInside, toInside);
  try {
    return await runAsTool(planTreeProgram(facts, inside.args, { trees, userNamespace: idsOfTrees(facts) }), inside, facts);
  } catch (error) {
    signal?.throwIfAborted();
    if (facts.user.rights === 'root' || !(error instanceof IsolateError) || error.code !== 'launch-failed') throw error;
    // If no sandbox can start, none changes the tree.
    return await runCommand(copying(from, to));
  }
}
