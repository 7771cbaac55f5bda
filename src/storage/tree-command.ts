import { IsolateError } from '../error.ts';
import type { RunCommand } from '../process/command.ts';
import { lastLine } from '../process/last-line.ts';

/** isolate-tree (tree/main.c), for what needs no sandbox: it looks at nothing in a tree, or only by its own directories. */
export interface TreeCommand {
  readonly run: RunCommand;
  readonly tree: string;
}

const timeoutMs = 60_000;

/** Runs it, and returns the texts that it prints, each with a NUL. Throws `storage-failed` with `what` and its reason. */
export async function runTreeCommand({ run, tree }: TreeCommand, args: readonly string[], what: string): Promise<readonly string[]> {
  const { exitCode, stdout, stderr } = await run({ file: tree, args, timeoutMs });
  if (exitCode !== 0) throw new IsolateError('storage-failed', `${what}: ${lastLine(stderr)}.`);
  return stdout.split('\0').slice(0, -1);
}
