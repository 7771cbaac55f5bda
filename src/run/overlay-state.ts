import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import { claimForPidNamespace, pidNamespaceFile } from '../pool/pid-namespace.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { parseCloneDirectory } from '../storage/overlay/layout.ts';

/**
 * Refuses the layers below `stateDirectory` while there are some of another pid namespace: whether their runs live is
 * known there only. Makes the directory. Throws `storage-failed`, `state-unreadable`.
 */
export function claimOverlayState(stateDirectory: string): void {
  const directory = join(stateDirectory, 'overlay');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new IsolateError('storage-failed', `The state directory ${directory} cannot be written.`, { cause });
  }
  claimForPidNamespace(directory, () => hasClones(directory));
}

function hasClones(directory: string): boolean {
  const templates = readDirectory(directory).filter((name) => name !== pidNamespaceFile && !name.startsWith(`${pidNamespaceFile}.`));
  return templates.some((key) => readDirectory(join(directory, key)).some((name) => parseCloneDirectory(name) !== null));
}
