import { chmodSync, lstatSync, mkdirSync, rmdirSync, rmSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { IsolateError } from '../error.ts';
import { makeDirectories } from '../process/make-directories.ts';
import type { PoolPaths, RuntimePaths } from './paths.ts';
import { claimRuntime } from './pid-namespace.ts';
import { rightsOf } from '../host/rights.ts';

/**
 * Makes missing state directories, and refuses those that someone else could change or that another pid namespace uses. `uid` is the
 * caller's. Throws `state-unreadable`, and what the system says.
 */
export function ensureRuntimeDirectories(paths: RuntimePaths, uid: number): void {
  makeDirectories(dirname(paths.root), rightsOf(uid) === 'root' ? 0o755 : 0o700);
  ensureDirectory(paths.root, 0o755, uid);
  ensureDirectory(paths.sandbox, 0o755, uid);
  // Their contents name templates and clones, which not everybody may know.
  for (const directory of [paths.signals, paths.mounts, paths.pools, paths.ids, paths.runs]) ensureDirectory(directory, 0o700, uid);
  claimRuntime(paths);
}

/** The same for the directories of one pool. */
export function ensurePoolDirectories(paths: PoolPaths, uid: number): void {
  for (const directory of [paths.directory, paths.fresh, paths.leased, paths.kept, paths.retired, paths.mounts]) {
    ensureDirectory(directory, 0o700, uid);
  }
}

/**
 * Removes the state of a pool without clones; directories that a clone or another process uses stay. Runs and refreshes at the same time
 * remake what they need.
 */
export function removeEmptyPool(paths: PoolPaths): void {
  try {
    for (const directory of [paths.leased, paths.fresh, paths.kept, paths.retired, paths.mounts]) removeDirectory(directory);
    for (const file of [paths.memory, paths.making, paths.lastRefresh, paths.told]) rmSync(file, { force: true });
    removeDirectory(paths.directory);
    rmSync(paths.signal, { force: true });
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function ensureDirectory(path: string, mode: number, uid: number): void {
  const stat = lstatSync(path, { throwIfNoEntry: false }) ?? makeDirectory(path, mode);
  if (!stat.isDirectory()) throw unusable(path, 'is not a directory');
  if (stat.uid !== uid) throw unusable(path, `belongs to uid ${stat.uid}`);
  if ((stat.mode & 0o022) !== 0) throw unusable(path, 'can be written by other users');
  if ((stat.mode & 0o777 & ~mode) !== 0) chmodSync(path, mode);
}

function makeDirectory(path: string, mode: number): Stats {
  try {
    mkdirSync(path, { mode });
    // mkdir(2) applies the caller's umask.
    chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return lstatSync(path);
}

function unusable(path: string, reason: string): IsolateError {
  return new IsolateError('state-unreadable', `The state directory ${path} ${reason}.`, { hint: 'remove it; isolate makes a new one' });
}
