import { lstat } from 'node:fs/promises';

import type { EngineCapabilities } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import { type Found, lookBeneath } from '../host/resolve-beneath.ts';
import { type Rootfs, sourceOf } from '../rootfs/rootfs.ts';
import { rootName } from '../spec/root-ref.ts';
import type { FirmSpec } from '../spec/spec.ts';
import type { TemplateDefaults } from '../spec/template-record.ts';

/** The files of a rootfs before any change, and their name for the caller: the template. */
export interface Tree {
  readonly path: string;
  readonly name: string;
}

/** What a rootfs has at the engine's mountpoints. */
export interface MountpointsFound {
  /** Where its /tmp is. */
  readonly tmp: string;
  /** Mountpoints that it lacks. */
  readonly missing: readonly string[];
  /** It has at least one of the directories for programs. */
  readonly hasPrograms: boolean;
}

/** What is known about the rootfs for one spec. */
export interface RootView {
  readonly mountpoints: MountpointsFound;
  /** One for each of `targetsToLookAt`, in order; an error if the path does not lead to a usable place. */
  readonly targets: readonly (Found | IsolateError)[];
  /** Null: nobody can look into it. */
  readonly defaults: TemplateDefaults | null;
  /** Where the working directory of `defaults` leads; absent: it has none, or /. */
  readonly defaultDirectory?: Found | IsolateError;
}

/** The tree of a rootfs that this process can look into. */
export function treeOf({ root }: Pick<FirmSpec, 'root'>, rootfs: Rootfs): Tree {
  return { path: sourceOf(rootfs), name: rootName(root) };
}

/** What an engine does in a tree. */
type RootCapabilities = Pick<EngineCapabilities, 'mountpoints' | 'ownTrees'>;

/** Of a tree that has a directory wherever any engine mounts. */
export const wholeMountpoints: MountpointsFound = { tmp: '/tmp', missing: [], hasPrograms: true };

/**
 * The kernel and the engines put links to a process's own directories there. While an engine mounts, its own root is the host's, so a
 * template's link to /proc/self/cwd would lead a target out of the rootfs.
 */
const magicLinks = /^\/(?:proc|dev\/(?:fd|stdin|stdout|stderr|core))(?:\/|$)/;

/** Where any Linux root has programs, NixOS and Guix included. */
const programDirectories = ['bin', 'sbin', 'usr', 'lib', 'nix', 'gnu'];

/**
 * Looks at the engine's mountpoints. /tmp may be a link, which is followed in the tree. Throws `cannot-enforce` if another one is a link
 * or any is not a directory, and what `lookBeneath` throws.
 */
export function lookAtMountpoints(
  tree: Tree,
  { mountpoints }: Pick<EngineCapabilities, 'mountpoints'>,
  look = looker(tree),
): MountpointsFound {
  const found = mountpoints.map((name) => ({ name, ...look(name, []) }));
  for (const { name, path, kind } of found) {
    const isMovable = name === '/tmp' && !magicLinks.test(path) && path !== '/';
    if (kind !== 'other' && (path === name || isMovable)) continue;
    throw new IsolateError('cannot-enforce', `${name} in ${tree.name} is not a directory, but isolate mounts there.`, {
      hint: 'make it a directory in the template',
    });
  }
  const missing = found.filter(({ kind }) => kind === 'missing').map(({ path }) => path);
  return {
    tmp: found.find(({ name }) => name === '/tmp')?.path ?? '/tmp',
    missing,
    // A Linux root has all or nearly all of these mountpoints; other trees are not looked at further.
    hasPrograms: missing.length === 0 || programDirectories.some((name) => look(`/${name}`, []).kind !== 'missing'),
  };
}

/** Everything that an engine's own needs require to be looked up, apart from the targets. */
export function mountpointsOf({ mountpoints }: Pick<EngineCapabilities, 'mountpoints'>): readonly string[] {
  return [...mountpoints, ...programDirectories.map((name) => `/${name}`)];
}

/**
 * What is in a tree whose template has these defaults. Unusable targets are reported only when they are used. Throws as
 * `lookAtMountpoints` does.
 */
export function lookIntoRoot(
  tree: Tree,
  targets: readonly string[],
  defaults: TemplateDefaults,
  capabilities: RootCapabilities,
  look = looker(tree),
): RootView {
  const mountpoints = lookAtMountpoints(tree, capabilities, look);
  const hidden = hiddenPlaces(capabilities, mountpoints);
  const lookAt = (target: string): Found | IsolateError => lookOrError(tree, target, hidden, look);
  return { mountpoints, targets: targets.map(lookAt), ...lookAtDefaults(defaults, lookAt) };
}

/** The part of a view that the template's defaults are. */
export function lookAtDefaults(
  defaults: TemplateDefaults,
  lookAt: (target: string) => Found | IsolateError,
): Pick<RootView, 'defaults' | 'defaultDirectory'> {
  const { workingDirectory = '/' } = defaults;
  return workingDirectory === '/' ? { defaults } : { defaults, defaultDirectory: lookAt(workingDirectory) };
}

/** Where a path leads in one tree, as from `lookBeneath`. */
export type Look = (target: string, hidden: readonly string[]) => Found;

/** In a tree that this process can look into. */
function looker({ path, name }: Tree): Look {
  return (target, hidden) => lookBeneath(path, target, hidden, name);
}

export function lookOrError(tree: Tree, target: string, hidden: readonly string[], look = looker(tree)): Found | IsolateError {
  try {
    return lookAtTarget(tree, target, hidden, look);
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}

/** Whether there is a directory at each of these mountpoints; waits for the storage without blocking anybody else. */
export async function hasMountpoints(tree: string, mountpoints: readonly string[]): Promise<boolean> {
  for (const mountpoint of mountpoints) {
    try {
      if (!(await lstat(`${tree}${mountpoint}`)).isDirectory()) return false;
    } catch {
      return false;
    }
  }
  return true;
}

/** Where `target` leads in the tree. Throws what `lookBeneath` throws, and `bad-bind` for paths that belong to processes. */
export function lookAtTarget(tree: Tree, target: string, hidden: readonly string[], look = looker(tree)): Found {
  const found = look(target, hidden);
  if (!magicLinks.test(found.path)) return found;
  const through = found.path === target ? '' : `, which ${target} leads to in ${tree.name}`;
  throw new IsolateError('bad-bind', `Nothing can be bound to ${found.path}${through}: it belongs to the sandbox's own processes.`);
}

/** The places where the sandbox has the engine's own file systems, in a rootfs where /tmp is at `tmp`. */
export function hiddenPlaces({ ownTrees }: Pick<EngineCapabilities, 'ownTrees'>, { tmp }: Pick<MountpointsFound, 'tmp'>): string[] {
  return ownTrees.map((tree) => (tree === '/tmp' ? tmp : tree));
}
