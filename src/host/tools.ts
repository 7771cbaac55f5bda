import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

import type { ToolName } from './facts.ts';
import type { Rights } from './rights.ts';

/** Where root looks for tools: never in the caller's PATH, which under sudo may have directories that others can write. */
const safeDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Every tool a run may start. */
export const toolNames: readonly ToolName[] = ['bwrap', 'lxc-execute', 'zfs', 'zpool', 'newuidmap', 'newgidmap'];

/** The absolute path of a program, or null. Root gets the safe directories only; others their own PATH after them. */
export function findTool(name: string, rights: Rights, path: string | undefined): string | null {
  for (const directory of searchDirectories(rights, path)) {
    const file = join(directory, name);
    if (isExecutable(file)) return file;
  }
  return null;
}

function searchDirectories(rights: Rights, path: string | undefined): readonly string[] {
  if (rights === 'root' || path === undefined) return safeDirectories;
  return [...safeDirectories, ...path.split(':').filter((directory) => directory.startsWith('/'))];
}

function isExecutable(file: string): boolean {
  try {
    // Most are not there, and an error takes longer to make than to be told so.
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false;
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
