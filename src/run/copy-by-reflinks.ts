import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { startTreeProgram } from './tree-program.ts';

const [fromInside, toInside] = ['/from', '/to'] as const;

/**
 * Copies a tree with everything into an empty directory, in a sandbox and with the ids of the caller's sandboxes. Each file shares its
 * blocks with the original. Throws `storage-failed`, `missing-tool`.
 */
export async function copyByReflinks(facts: Facts, from: string, to: string): Promise<void> {
  const program = await startTreeProgram(
    facts,
    ['copy', '--reflink', fromInside, '.', toInside, '.'],
    [
      { source: from, inside: fromInside, writable: false },
      { source: to, inside: toInside, writable: true },
    ],
  );
  program.stdin.end();
  program.stdout.resume();
  try {
    await program.ended;
  } catch (cause) {
    const hint = 'only root can copy files that you may not read, or whose owners are not ids of yours; use --storage overlay';
    throw new IsolateError('storage-failed', `${from} cannot be copied.`, { cause, ...(facts.user.rights === 'root' ? {} : { hint }) });
  }
}
