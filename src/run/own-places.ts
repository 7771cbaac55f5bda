import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import { findHome } from '../host/home.ts';
import { toSystemFailure } from '../process/system-error.ts';
import { systemRuntimeDirectory } from '../pool/paths.ts';
import { rightsOf } from '../host/rights.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One of isolate's own directories, and the variable of the caller that led there. */
export interface OwnPlace {
  readonly path: string;
  readonly variable: 'HOME' | 'XDG_RUNTIME_DIR' | null;
}

/**
 * Where a user's state of this boot is. Root's does not depend on the environment; other users have theirs below XDG_RUNTIME_DIR or, if
 * that is not theirs or unusable, below their home. Throws `state-unreadable` for a user without a home.
 */
export function findRuntimePlace(uid: number, environment: Environment): OwnPlace {
  if (rightsOf(uid) === 'root') return { path: systemRuntimeDirectory, variable: null };
  const runtime = environment['XDG_RUNTIME_DIR'] ?? '';
  if (isUsable(runtime, uid)) return { path: join(runtime, 'isolate'), variable: 'XDG_RUNTIME_DIR' };
  return findStatePlace(uid, environment);
}

/** Where state that outlives a boot is: layers of overlays and, for users other than root, their leases. Throws as above. */
export function findStatePlace(uid: number, environment: Environment): OwnPlace {
  if (rightsOf(uid) === 'root') return { path: '/var/lib/isolate', variable: null };
  return { path: join(homeOf(uid, environment), '.local/state/isolate'), variable: 'HOME' };
}

/** Where what can be made again is kept for later runs. Throws as above. (XDG Base Directory Specification) */
export function findCachePlace(uid: number, environment: Environment): string {
  if (rightsOf(uid) === 'root') return '/var/cache/isolate';
  const given = environment['XDG_CACHE_HOME'] ?? '';
  return join(given.startsWith('/') ? given : join(homeOf(uid, environment), '.cache'), 'isolate');
}

function homeOf(uid: number, environment: Environment): string {
  const home = findHome(environment);
  if (home !== null) return home;
  throw new IsolateError('state-unreadable', `You have no home directory: HOME names none, and user ${uid} has none in /etc/passwd.`, {
    hint: 'set HOME to a directory of yours',
  });
}

/** After su(1) the variable often still names the directory of another user, or one that a logout has removed. */
function isUsable(path: string, uid: number): boolean {
  if (!path.startsWith('/')) return false;
  try {
    const stats = statSync(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return stats.isDirectory() && stats.uid === uid && (stats.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Runs `action`; an error at one of the caller's places also names the variable that led there. */
export async function withOwnPlaces<T>(uid: number, environment: Environment, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw toSystemFailure(error, adviseOn(uid, environment, (error as NodeJS.ErrnoException).path)) ?? error;
  }
}

/** Undefined: the place has nothing to do with the failure, or no variable led there. */
function adviseOn(uid: number, environment: Environment, path: string | undefined): string | undefined {
  if (rightsOf(uid) === 'root' || path === undefined) return undefined;
  for (const find of [findRuntimePlace, findStatePlace]) {
    const place = attempt(() => find(uid, environment));
    if (place === null || !(isWithin(path, place.path) || isWithin(place.path, path))) continue;
    return `${place.variable} leads there; set it to a directory that you can write to`;
  }
  return undefined;
}

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
