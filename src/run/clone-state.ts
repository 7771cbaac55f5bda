import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { makeDirectories } from '../process/make-directories.ts';
import { claimForPidNamespace, pidNamespaceFile } from '../pool/pid-namespace.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { parseCloneDirectory } from '../storage/clones/layout.ts';

/**
 * Refuses a directory of templates' clones while some in it belong to another pid namespace, because only there it is known whether their
 * runs live. Makes the directory. Throws `state-unreadable`, and what the system says.
 */
export function claimCloneState(directory: string): void {
  makeDirectories(directory, 0o700);
  claimForPidNamespace(directory, () => hasClones(directory));
}

/** Removes such a directory if it has nothing more than the record of its namespace; a run that comes makes both again. */
export function releaseCloneState(directory: string): void {
  const names = readDirectory(directory);
  if (!names.every(isRecord)) return;
  for (const name of names) rmSync(join(directory, name), { force: true });
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTEMPTY') throw error;
    claimCloneState(directory);
  }
}

function hasClones(directory: string): boolean {
  const templates = readDirectory(directory).filter((name) => !isRecord(name));
  return templates.some((key) => readDirectory(join(directory, key)).some((name) => parseCloneDirectory(name) !== null));
}

/** What is being written counts too. */
function isRecord(name: string): boolean {
  return name === pidNamespaceFile || name.startsWith(`${pidNamespaceFile}.`);
}
