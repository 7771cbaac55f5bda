import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and missing ones above it, each with `mode` whatever the umask. Existing ones are not changed. Throws what the system
 * says. Node's recursive mkdir never ends if a parent exists and mkdir(2) fails with ENOENT, as in /proc.
 */
export function makeDirectories(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path; !isThere(at); at = dirname(at)) missing.unshift(at);
  for (const directory of missing) makeOne(directory, mode);
}

function isThere(path: string): boolean {
  return path === '/' || path === '.' || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
    chmodSync(path, mode);
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isThere(path)) throw error;
  }
}
