import { existsSync } from 'node:fs';

import { removeEmptyPool } from './directories.ts';
import { poolPaths, type RuntimePaths } from './paths.ts';
import { readDirectory } from './read-directory.ts';
import { unescapeUnitName } from './unit-escape.ts';

/** Removes the state of template directories that are not there any more and on which nothing runs. */
export function sweepGoneDirectories(runtime: RuntimePaths): void {
  for (const key of readDirectory(runtime.pools)) {
    // Only an absolute path begins so; hashes and names of data sets do not.
    if (!key.startsWith('-')) continue;
    const template = pathOf(key);
    if (template !== null && !existsSync(template)) removeEmptyPool(poolPaths(runtime, template));
  }
}

function pathOf(key: string): string | null {
  try {
    return unescapeUnitName(key);
  } catch {
    return null;
  }
}
