import { planIdentity, type IdentityPlan } from '../../engine/identity.ts';
import { hasSubordinateIds } from '../../engine/user-maps.ts';
import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { ensureRuntimeDirectories } from '../../pool/directories.ts';
import { readOwnHolder } from '../../pool/holder.ts';
import { rootfsOf, type StoredOwnership } from '../../rootfs/rootfs.ts';
import { claimIds, ownRuntimePaths } from '../../run/place.ts';

/** A directory that sandboxes fill, and how its files are owned in storage. */
export interface FillingTarget {
  /** Absolute, without symbolic links. Its owner is the ownership's root. */
  readonly root: string;
  readonly ownership: StoredOwnership;
  readonly idmappable: boolean;
  /** What messages call the place that has or lacks space for it: a directory or a dataset. */
  readonly storage: string;
}

/** What the programs that fill a directory have of their own on this host. */
export interface FillingPlace {
  readonly facts: Facts;
  readonly target: FillingTarget;
  readonly identity: IdentityPlan;
  /** An empty directory over which the launches mount. */
  readonly sandboxDirectory: string;
  readonly release: () => void;
}

/** Claims ids for filling `target`. Throws `cannot-enforce` for a caller who has too few, and what planning ids throws. */
export function claimFillingPlace(target: FillingTarget, facts: Facts): FillingPlace {
  requireBwrap(facts);
  refuseUnable(facts);
  const paths = ownRuntimePaths(facts);
  ensureRuntimeDirectories(paths, facts.user.uid);
  const rootfs = rootfsOf({ kind: 'tree', source: target.root, ownership: target.ownership, idmappable: target.idmappable });
  const ids = claimIds(paths, facts, rootfs, readOwnHolder());
  const identity = planIdentity({ spec: {}, rootfs, facts, idSlot: ids?.slot ?? 0 });
  return { facts, target, identity, sandboxDirectory: paths.sandbox, release: ids?.release ?? ((): void => {}) };
}

/** The path of bubblewrap. Throws `missing-tool`. */
export function requireBwrap({ tools }: Facts): string {
  if (tools.bwrap !== null) return tools.bwrap;
  throw new IsolateError('missing-tool', 'bubblewrap (bwrap) is not installed.', { hint: 'apt-get install bubblewrap' });
}

/** Needs more than one id for the files of several users. */
function refuseUnable({ user, tools, privileges }: Facts): void {
  if (user.rights === 'root') return;
  if (!hasSubordinateIds(user)) {
    throw new IsolateError('cannot-enforce', 'You have no subordinate ids, so you cannot make files of several users.', {
      hint: `as root: ${user.subordinateIdsCommand}`,
    });
  }
  if (tools.newuidmap === null || tools.newgidmap === null) {
    throw new IsolateError('missing-tool', 'newuidmap and newgidmap are not installed.', { hint: 'apt-get install uidmap' });
  }
  if (privileges.withheld !== null) {
    throw new IsolateError('cannot-enforce', `Your subordinate ids cannot be used here: ${privileges.withheld}.`);
  }
}
