import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname } from 'node:path';

import { entersOwnDirectories } from '../engine/identity.ts';
import { planUserMaps } from '../engine/user-maps.ts';
import { IsolateError } from '../error.ts';
import type { Facts, IdRange } from '../host/facts.ts';
import { type Rootfs, sourceOf } from '../rootfs/rootfs.ts';
import { isThrownAway } from '../spec/root-ref.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import type { Tree } from './look-into-root.ts';

/** Whether a missing path of the rootfs can be made for the run. */
export type MakesTarget = (path: string) => boolean;

/**
 * Whether the sandbox's root can make a path in the rootfs: always in a clone and in a layer over a directory, but in a directory itself
 * only where its caller may write. Throws `cannot-enforce` if a layer would be needed and the kernel allows none, or if the sandbox has
 * neither the caller's id nor a place for a layer.
 */
export function makesTarget(spec: SandboxSpec, rootfs: Rootfs, facts: Facts): MakesTarget {
  const tree = sourceOf(rootfs);
  const { root, readOnlyRoot, uidBase } = spec;
  const { user, mountsBelow } = facts;
  if (isThrownAway(root) || user.rights === 'root' || rootfs.parts[0].kind === 'overlay') return () => true;
  if (!entersOwnDirectories(spec, facts)) {
    const { uidMap } = planUserMaps(user, spec);
    return (path) => {
      const { uid, mode } = lstatSync(nearest(`${tree}${path}`));
      const ofTheSandbox = uidMap.some(({ outside, count }) => isIn(uid, { start: outside, count }));
      if (!readOnlyRoot && (ofTheSandbox || (mode & 0o002) !== 0)) return true;
      throw new IsolateError('cannot-enforce', `${path} is missing in ${tree}, and a sandbox with --uid-base ${uidBase} cannot make it.`, {
        hint: 'make it before the run, or leave --uid-base out',
      });
    };
  }
  if (!readOnlyRoot) return (path) => isWritable(nearest(`${tree}${path}`), facts);
  return (path) => {
    const [mount] = mountsBelow;
    if (mount === undefined) return true;
    throw new IsolateError(
      'cannot-enforce',
      `${path} is missing in ${tree}, and cannot be made for a read-only run while something is mounted at ${mount}.`,
      { hint: `as root: umount ${mount}` },
    );
  };
}

/** Throws `cannot-enforce` for a mountpoint that the rootfs lacks and that cannot be made. */
export function checkMountpointsMade(missing: readonly string[], tree: Tree, makes: MakesTarget): void {
  const path = missing.find((mountpoint) => !makes(mountpoint));
  if (path === undefined) return;
  throw new IsolateError('cannot-enforce', `The template ${tree.name} has no ${path}, and this user cannot make it there.`, {
    hint: `run with --ephemeral or --read-only, or make it as the owner of the template: mkdir -p ${tree.path}${path}`,
  });
}

function nearest(path: string): string {
  let found = dirname(path);
  while (found !== '/' && lstatSync(found, { throwIfNoEntry: false }) === undefined) found = dirname(found);
  return found;
}

/** The sandbox's root may write everything that belongs to an id of the sandbox. */
function isWritable(directory: string, { user }: Facts): boolean {
  const { uid } = lstatSync(directory);
  if (uid === user.uid || user.subordinateUids.some((range) => isIn(uid, range))) return true;
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isIn(id: number, { start, count }: IdRange): boolean {
  return id >= start && id < start + count;
}
