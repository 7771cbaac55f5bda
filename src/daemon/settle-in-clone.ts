import { setImmediate as nextTurn } from 'node:timers/promises';

import type { EngineCapabilities } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import { checkMountpoints, settleTarget } from '../run/settle-targets.ts';
import type { DaemonLease } from './leases.ts';

/**
 * The targets of a client's binds as they really are in the leased clone; nothing outside of it is looked at. Others are
 * served between two targets: each may have thousands of components. Throws `bad-bind`, `cannot-enforce`.
 */
export async function settleInClone(
  { rootfs: { path: tree }, isChecked }: Pick<DaemonLease, 'rootfs' | 'isChecked'>,
  targets: readonly string[],
  { ownTrees }: Pick<EngineCapabilities, 'ownTrees'>,
): Promise<readonly string[]> {
  if (!isChecked) checkMountpoints(tree);
  const settled: string[] = [];
  for (const target of targets) {
    if (!target.startsWith('/')) throw new IsolateError('bad-bind', `The bind target ${target} is not absolute.`);
    settled.push(settleTarget(tree, target, ownTrees));
    await nextTurn();
  }
  return settled;
}

/**
 * Whether one of these targets lies below an earlier one. What that shows is the client's, and only the client may look
 * there for links.
 */
export function hasNested(targets: readonly string[]): boolean {
  return targets.some((target, index) => targets.slice(0, index).some((outer) => target.startsWith(`${outer.replace(/\/$/, '')}/`)));
}
