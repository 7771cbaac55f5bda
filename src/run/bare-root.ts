import { join } from 'node:path';

import { makeDirectories } from '../process/make-directories.ts';

/** The directories that engines mount over or may write a file into. */
const directories = ['dev', 'etc', 'home', 'proc', 'sys', 'tmp'];

/**
 * A root without any files, below `stateDirectory`, where only the caller can reach it. It is always the same one and stays: concurrent
 * runs share it, and a new one at each boot would leave a pool each time.
 */
export function makeBareRoot(stateDirectory: string): string {
  const parent = join(stateDirectory, 'bare');
  makeDirectories(stateDirectory, 0o755);
  makeDirectories(parent, 0o700);
  const root = join(parent, 'root');
  for (const name of directories) makeDirectories(join(root, name), 0o755);
  return root;
}
