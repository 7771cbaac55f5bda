import { join } from 'node:path';

import { makeDirectories } from '../process/make-directories.ts';

/** What the engines mount over, and what they may want to write a file into. */
const directories = ['dev', 'etc', 'home', 'proc', 'sys', 'tmp'];

/**
 * A root without a single file, below `stateDirectory` where only the caller can reach it. It is always the same one and
 * stays: runs at one time share it, and one at every boot would leave a pool each.
 */
export function makeBareRoot(stateDirectory: string): string {
  const parent = join(stateDirectory, 'bare');
  makeDirectories(stateDirectory, 0o755);
  makeDirectories(parent, 0o700);
  const root = join(parent, 'root');
  for (const name of directories) makeDirectories(join(root, name), 0o755);
  return root;
}
