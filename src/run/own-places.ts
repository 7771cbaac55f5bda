import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import { findHome } from '../host/home.ts';
import { toSystemFailure } from '../process/system-error.ts';
import { systemRuntimeDirectory } from '../pool/paths.ts';
import { rightsOf } from '../host/rights.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A directory of isolate's own, and what in the caller's environment led there. */
export interface OwnPlace {
  readonly path: string;
  readonly variable: 'HOME' | 'XDG_RUNTIME_DIR' | null;
}

/**
 * Where a user's state of this boot lives: root's takes nothing from the environment, others have theirs below XDG_RUNTIME_DIR
 * or, where that is not theirs or cannot be used, below their home. Throws `state-unreadable` for a user without a home.
 */
export function findRuntimePlace(uid: number, environment: Environment): OwnPlace {
  if (rightsOf(uid) === 'root') return { path: systemRuntimeDirectory, variable: null };
  const runtime = environment['XDG_RUNTIME_DIR'] ?? '';
  if (isUsable(runtime, uid)) return { path: join(runtime, 'isolate'), variable: 'XDG_RUNTIME_DIR' };
  return findStatePlace(uid, environment);
}

/** Where state that outlives a boot lives: layers of overlays, and for other users than root the leases of them. Throws as above. */
export function findStatePlace(uid: number, environment: Environment): OwnPlace {
  if (rightsOf(uid) === 'root') return { path: '/var/lib/isolate', variable: null };
  const home = findHome(environment);
  if (home === null) {
    throw new IsolateError('state-unreadable', `You have no home directory: HOME names none, and user ${uid} has none in /etc/passwd.`, {
      hint: 'set HOME to a directory of yours',
    });
  }
  return { path: join(home, '.local/state/isolate'), variable: 'HOME' };
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

/** Runs `action`, and names for what fails at the caller's own places the variable that led there. */
export async function withOwnPlaces<T>(uid: number, environment: Environment, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw toSystemFailure(error, adviseOn(uid, environment, (error as NodeJS.ErrnoException).path)) ?? error;
  }
}

/** Undefined: the place says nothing of the failure, or no variable led there. */
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
