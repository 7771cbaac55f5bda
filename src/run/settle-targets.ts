import { lstatSync } from 'node:fs';
import { lstat } from 'node:fs/promises';

import type { EngineCapabilities, Rootfs } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import { resolveBeneath } from '../host/resolve-beneath.ts';
import type { Bind, SandboxSpec } from '../spec/spec.ts';

/** Where engines mount over the rootfs. */
const mountpoints = ['/proc', '/sys', '/dev', '/tmp', '/home'];

/**
 * What the kernel and the engines put there are links to wherever a process is: while an engine mounts, its own root is
 * the host's, and a template's link to /proc/self/cwd would lead a target out of the rootfs.
 */
const magicLinks = /^\/(?:proc|dev\/(?:fd|stdin|stdout|stderr|core))(?:\/|$)/;

/**
 * The spec with its bind targets as they really are in the rootfs, so that no mount follows a link out of it. What the
 * rootfs has in the `ownTrees` of the engine is never seen and says nothing of them. Throws `bad-bind`, and
 * `cannot-enforce` for a rootfs that has a link where isolate itself mounts.
 */
export function settleTargets(spec: SandboxSpec, rootfs: Rootfs, ownTrees: EngineCapabilities['ownTrees']): SandboxSpec {
  const tree = rootfs.layers?.lower ?? rootfs.path;
  checkMountpoints(tree);
  return withSettledTargets(
    spec,
    spec.binds.map(({ target }) => settleTarget(tree, target, ownTrees)),
  );
}

/** The same where the targets, in order, were settled by whoever can look into the rootfs. Throws `bad-bind`. */
export function withSettledTargets(spec: SandboxSpec, targets: readonly string[]): SandboxSpec {
  const settled = replaceTargets(spec, targets);
  for (const [index, bind] of settled.binds.entries()) refuseLinksOfOthers(bind, settled.binds.slice(0, index));
  return settled;
}

/** The same without a look at what the binds show: for whoever may not look there, and none of them lies below another. */
export function replaceTargets(spec: SandboxSpec, targets: readonly string[]): SandboxSpec {
  return { ...spec, binds: spec.binds.map((bind, index) => ({ ...bind, target: targets[index] ?? bind.target })) };
}

/** Throws `cannot-enforce` for a tree that has a link where isolate itself mounts. */
export function checkMountpoints(tree: string): void {
  for (const mountpoint of mountpoints) {
    if (lstatSync(`${tree}${mountpoint}`, { throwIfNoEntry: false })?.isDirectory() === false) {
      throw new IsolateError('cannot-enforce', `${mountpoint} in ${tree} is not a directory, and isolate mounts there.`, {
        hint: 'make it a directory in the template',
      });
    }
  }
}

/** Whether `checkMountpoints` would pass; waits for the storage without holding up anybody else. */
export async function hasMountpoints(tree: string): Promise<boolean> {
  for (const mountpoint of mountpoints) {
    try {
      if (!(await lstat(`${tree}${mountpoint}`)).isDirectory()) return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false;
    }
  }
  return true;
}

/** A target below another bind's goes through what that bind shows, which earlier runs may have written. */
function refuseLinksOfOthers({ target }: Bind, earlier: readonly Bind[]): void {
  for (const outer of earlier) {
    if (!target.startsWith(`${outer.target}/`)) continue;
    const rest = target.slice(outer.target.length);
    if (resolveBeneath(outer.source, rest) === rest) continue;
    throw new IsolateError('bad-bind', `The target ${target} of a bind goes through a symbolic link in ${outer.source}.`, {
      hint: 'name the place that the link leads to',
    });
  }
}

/** What `target` really is in the tree. Throws `bad-bind`. */
export function settleTarget(tree: string, target: string, ownTrees: readonly string[]): string {
  const settled = resolveBeneath(tree, target, ownTrees);
  if (!magicLinks.test(settled)) return settled;
  const through = settled === target ? '' : `, which ${target} leads to in ${tree}`;
  throw new IsolateError('bad-bind', `Nothing can be bound to ${settled}${through}: it belongs to the sandbox's own processes.`);
}
