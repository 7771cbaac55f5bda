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

function hasClones(directory: string): boolean {
  const templates = readDirectory(directory).filter((name) => name !== pidNamespaceFile && !name.startsWith(`${pidNamespaceFile}.`));
  return templates.some((key) => readDirectory(join(directory, key)).some((name) => parseCloneDirectory(name) !== null));
}
