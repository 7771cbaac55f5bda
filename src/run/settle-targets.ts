import { lstatSync } from 'node:fs';

import type { Rootfs } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import { resolveBeneath } from '../host/resolve-beneath.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** Where engines mount over the rootfs. */
const mountpoints = ['/proc', '/sys', '/dev', '/tmp', '/home'];

/**
 * The spec with its bind targets as they really are in the rootfs, so that no mount follows a link out of it. Throws
 * `bad-bind`, and `cannot-enforce` for a rootfs that has a link where isolate itself mounts.
 */
export function settleTargets(spec: SandboxSpec, rootfs: Rootfs): SandboxSpec {
  const tree = rootfs.layers?.lower ?? rootfs.path;
  for (const mountpoint of mountpoints) {
    if (lstatSync(`${tree}${mountpoint}`, { throwIfNoEntry: false })?.isDirectory() === false) {
      throw new IsolateError('cannot-enforce', `${mountpoint} in ${tree} is not a directory, and isolate mounts there.`, {
        hint: 'make it a directory in the template',
      });
    }
  }
  return { ...spec, binds: spec.binds.map((bind) => ({ ...bind, target: resolveBeneath(tree, bind.target) })) };
}
