import { existsSync } from 'node:fs';

import { removeEmptyPool } from '../pool/directories.ts';
import { poolPaths, type RuntimePaths } from '../pool/paths.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { unescapeUnitName } from '../pool/unit-escape.ts';

/** Removes the state of template directories that no longer exist and on which nothing runs. */
export function sweepGoneDirectories(runtime: RuntimePaths): void {
  for (const key of readDirectory(runtime.pools)) {
    // Only absolute paths begin like this; hashes and dataset names do not.
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
