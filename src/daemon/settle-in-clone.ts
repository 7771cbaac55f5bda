import type { EngineCapabilities } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import {
  hiddenPlaces,
  lookAtDefaults,
  lookAtMountpoints,
  lookAtTarget,
  type Look,
  lookOrError,
  type RootView,
  type Tree,
  wholeMountpoints,
} from '../run/look-into-root.ts';
import { readDefaults } from '../run/read-template-record.ts';
import { readHeldTree } from '../host/held-tree.ts';
import { type Found, lookBeneath } from '../host/resolve-beneath.ts';
import type { DaemonLease } from './lease.ts';
import { createTurns } from './turns.ts';

/** Looks up one target of all leases per turn. */
const takeTurn = createTurns();

/** Paths that isolate looks up by itself; something unusual there in a template is no reason to refuse a run. */
const ownTargets: ReadonlySet<string> = new Set(['/etc/hosts', '/etc/resolv.conf']);

/**
 * What a client's run needs to know about the leased clone; nothing outside it is looked at. Other users are served between two targets,
 * because each may have thousands of components. Throws `bad-bind`, `cannot-enforce`, `bad-template`.
 */
export async function lookIntoClone(
  lease: Pick<DaemonLease, 'seenAt' | 'template' | 'checked' | 'peer' | 'session'>,
  targets: readonly string[],
  capabilities: Pick<EngineCapabilities, 'mountpoints' | 'ownTrees'>,
): Promise<RootView> {
  const { seenAt, template, session } = lease;
  if (session === undefined)
    return await lookBy((target, hidden) => lookBeneath(seenAt, target, hidden, template), lease, targets, capabilities);
  // Its user had the tree before, and may have kept it.
  const reader = readHeldTree(seenAt);
  try {
    return await lookBy((target, hidden) => lookBeneath(seenAt, target, hidden, template, reader), lease, targets, capabilities);
  } finally {
    reader.close();
  }
}

async function lookBy(
  lookAt: Look,
  { seenAt, template, checked, peer }: Pick<DaemonLease, 'seenAt' | 'template' | 'checked' | 'peer'>,
  targets: readonly string[],
  capabilities: Pick<EngineCapabilities, 'mountpoints' | 'ownTrees'>,
): Promise<RootView> {
  const tree = { path: seenAt, name: template };
  const mountpoints = checked === null ? lookAtMountpoints(tree, capabilities, lookAt) : wholeMountpoints;
  const defaults = checked === null ? readDefaults(tree) : checked.defaults;
  const hidden = hiddenPlaces(capabilities, mountpoints);
  const found: (Found | IsolateError)[] = [];
  for (const target of targets) {
    if (!target.startsWith('/')) throw new IsolateError('bad-bind', `The bind target ${target} is not absolute.`);
    await takeTurn(peer.uid);
    found.push(look(tree, target, hidden, lookAt));
  }
  await takeTurn(peer.uid);
  return { mountpoints, targets: found, ...lookAtDefaults(defaults, (target) => lookOrError(tree, target, hidden, lookAt)) };
}

function look(tree: Tree, target: string, hidden: readonly string[], lookAt: Look): Found | IsolateError {
  try {
    return lookAtTarget(tree, target, hidden, lookAt);
  } catch (error) {
    if (error instanceof IsolateError && ownTargets.has(target)) return error;
    throw error;
  }
}

/**
 * Whether one of these targets is below another. The outer one shows files of the client, and only the client may look there for links.
 */
export function hasNested(targets: readonly string[]): boolean {
  // There may be a thousand. When sorted, each comes right after the one it is below, or after others below that one.
  const places = targets.map((target) => (target.endsWith('/') ? target : `${target}/`)).toSorted();
  return places.some((place, index) => {
    const before = places[index - 1];
    return before !== undefined && before !== place && place.startsWith(before);
  });
}
