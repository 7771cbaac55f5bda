import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it that are missing, each with `mode` whatever the umask. What is there stays as it is.
 * Throws what the system says. Node's own way of doing this never ends where a parent is there and mkdir(2) says ENOENT, as in
 * /proc.
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
