import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { singleMaps } from '../engine/user-maps.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { fileCapabilities, type TreePlace } from '../run/tree-program.ts';
import { namespaceWithIds } from '../run/with-ids.ts';
import type { Endpoint } from './endpoint.ts';

export type HostEndpoint = Extract<Endpoint, { readonly kind: 'host' }>;

/** Where isolate-tree sees what is copied from or to the host, and nothing else of it. */
export const hostInside = '/host';

/** A place on the host as isolate-tree gets it. */
export interface HostPlace {
  readonly directory: string;
  /** In it. */
  readonly path: string;
}

/**
 * What is to be copied from the host. The caller's own path leads to it as always, but for its last part, which is copied also if it is a
 * link. Throws `copy-failed`.
 */
export function findHostSource({ path, word, isDirectory, isContents }: HostEndpoint): HostPlace {
  try {
    if (isDirectory || isContents) return lookIn(word, path);
    lstatSync(path);
    return { directory: realpathSync(dirname(resolve(path))), path: basename(resolve(path)) };
  } catch (error) {
    throw failure(word, error);
  }
}

/** Where to copy to. Throws `copy-failed`. */
export function findHostTarget({ path, word, isDirectory, isContents }: HostEndpoint): HostPlace {
  try {
    if (isDirectory || isContents) return lookIn(word, path);
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there?.isSymbolicLink() === true) throw linked(word);
    // What is mounted on a directory is in it.
    if (there?.isDirectory() === true) return { directory: realpathSync(path), path: '.' };
    return { directory: realpathSync(dirname(resolve(path))), path: basename(resolve(path)) };
  } catch (error) {
    throw failure(word, error);
  }
}

/** The directory itself, for its contents. */
function lookIn(word: string, path: string): HostPlace {
  const directory = realpathSync(path);
  const stats: Stats = lstatSync(directory);
  if (!stats.isDirectory()) throw new IsolateError('copy-failed', `${word} is no directory.`);
  return { directory, path: '.' };
}

function linked(word: string): IsolateError {
  return new IsolateError('copy-failed', `${word} is a symbolic link, and isolate copies through none.`, {
    hint: `${join(word, '/')} copies into the directory that it leads to`,
  });
}

function failure(word: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new IsolateError('copy-failed', `${word} does not exist on this host.`);
  if (code === 'EACCES' || code === 'ENOTDIR' || code === 'ELOOP') {
    return new IsolateError('copy-failed', `${word} cannot be reached.`, { cause: error });
  }
  return error;
}

/**
 * The caller's rights and no others. A user who is not root keeps its groups; only owners of its sandboxes' ids take a namespace that
 * has those, without them.
 */
export function planHostPlace(
  facts: Facts,
  { directory }: HostPlace,
  { writable, owners }: { readonly writable: boolean; readonly owners: boolean },
): TreePlace {
  const trees = [{ source: directory, inside: hostInside, writable }];
  if (facts.user.rights === 'root') return { trees, userNamespace: null, capabilities: fileCapabilities };
  const userNamespace = owners ? namespaceWithIds(facts) : ({ ...singleMaps(facts.user), writer: 'single' } as const);
  return { trees, userNamespace, capabilities: fileCapabilities };
}
