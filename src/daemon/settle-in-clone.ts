import type { EngineCapabilities } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import { checkMountpoints, settleTarget } from '../run/settle-targets.ts';
import type { DaemonLease } from './leases.ts';
import { createTurns } from './turns.ts';

/** One target of all leases' in a turn. */
const takeTurn = createTurns();

/**
 * The targets of a client's binds as they really are in the leased clone; nothing outside of it is looked at. Other users are
 * served between two targets, in turn: each may have thousands of components. Throws `bad-bind`, `cannot-enforce`.
 */
export async function settleInClone(
  { rootfs: { path: tree }, isChecked, peer }: Pick<DaemonLease, 'rootfs' | 'isChecked' | 'peer'>,
  targets: readonly string[],
  { ownTrees }: Pick<EngineCapabilities, 'ownTrees'>,
): Promise<readonly string[]> {
  if (!isChecked) checkMountpoints(tree);
  const settled: string[] = [];
  for (const target of targets) {
    if (!target.startsWith('/')) throw new IsolateError('bad-bind', `The bind target ${target} is not absolute.`);
    await takeTurn(peer.uid);
    settled.push(settleTarget(tree, target, ownTrees));
  }
  return settled;
}

/** Whether one of these targets lies below another. What that shows is the client's, and only the client may look there for links. */
export function hasNested(targets: readonly string[]): boolean {
  // There may be a thousand. In order each comes right behind what it lies below, or behind others that do.
  const places = targets.map((target) => (target.endsWith('/') ? target : `${target}/`)).toSorted();
  return places.some((place, index) => {
    const before = places[index - 1];
    return before !== undefined && before !== place && place.startsWith(before);
  });
}
