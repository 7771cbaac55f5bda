import { IsolateError } from '../../error.ts';
import { runCommand } from '../../process/command.ts';
import type { TemplateContext } from '../context.ts';

const timeoutMs = 10_000;

/** Swaps the names of two directories of one file system in one step (renameat2(2)), so that there is one of each at every moment. */
export async function exchange({ facts }: TemplateContext, one: string, other: string): Promise<void> {
  const { exitCode, stderr } = await runCommand({ file: facts.files.gate, args: ['exchange', one, other], timeoutMs });
  if (exitCode === 0) return;
  throw new IsolateError(
    'storage-failed',
    `${one} cannot be exchanged for its new state: ${stderr.trim().replace(/^isolate-gate: /, '')}.`,
  );
}
