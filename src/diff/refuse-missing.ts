import { closeSync, constants, lstatSync, openSync } from 'node:fs';

import type { BytePath, Change } from '../changes/change.ts';
import { concerns } from '../changes/choose.ts';
import { showAbsolutePath } from '../changes/show-path.ts';
import { IsolateError } from '../error.ts';
import type { ChangedRoot } from '../run/changed-root.ts';

/** Throws `usage` for a path that is in neither tree, where this process can look. */
export function refuseMissing(trees: ChangedRoot['stored'], changes: readonly Change[], paths: readonly BytePath[]): void {
  if (trees === null) return;
  for (const path of paths) {
    if (changes.some((change) => concerns(change, [path])) || [trees.base, trees.other].some((root) => mayExist(root, path))) continue;
    throw new IsolateError('usage', `There is no ${showAbsolutePath(path)}, neither in the session nor in what it was made of.`, {
      hint: 'give paths from the root, as isolate diff --name-only prints them',
    });
  }
}

/** False only if there is nothing at the path, in directories that are no links. A part that this process may not see counts as there. */
function mayExist(root: string, path: BytePath): boolean {
  const parts = path === '.' ? [] : path.split('/');
  const last = parts.pop();
  if (last === undefined) return true;
  let directory = openSync(root, constants.O_DIRECTORY);
  try {
    for (const part of parts) {
      const below = openSync(beneath(directory, part), constants.O_DIRECTORY | constants.O_NOFOLLOW);
      closeSync(directory);
      directory = below;
    }
    lstatSync(beneath(directory, last));
    return true;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '');
  } finally {
    closeSync(directory);
  }
}

function beneath(directory: number, name: BytePath): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), Buffer.from(name, 'latin1')]);
}
