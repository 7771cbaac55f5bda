import { planBareTree } from '../engine/root-mounts.ts';
import type { Facts } from '../host/facts.ts';
import { takeSession } from '../pool/lease/keep.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool } from '../pool/pool.ts';
import type { SessionRecord } from '../session/record.ts';
import { claimIds, ownRuntimePaths, ownSandboxDirectory } from './place.ts';
import { openRootPool } from './root.ts';
import type { TreePlace } from './tree-program.ts';

/** An idle session of the caller, leased to this process alone. */
export interface LeasedSession {
  readonly record: SessionRecord;
  readonly pool: Pool;
  readonly lease: Lease;
}

/** Throws `session-in-use`, and the storage's error. */
export async function withLeasedSession<T>(
  record: SessionRecord,
  { facts, warn }: { readonly facts: Facts; readonly warn: (message: string) => void },
  action: (session: LeasedSession) => Promise<T>,
): Promise<T> {
  const pool = await openRootPool(record.root, facts, { warn });
  try {
    const lease = await takeSession(pool, { ...record.clone, owners: record.owners });
    try {
      return await action({ record, pool, lease });
    } finally {
      await lease.release();
    }
  } finally {
    pool.shelf.end();
  }
}

/** Where isolate-tree sees the session's root. */
export const treeInside = '/tree';

/** Gives `action` the session's tree as its runs have it: merged, and with ids of its own. */
export async function withSessionTree<T>(
  { lease, pool }: LeasedSession,
  facts: Facts,
  writable: boolean,
  action: (place: TreePlace) => Promise<T>,
): Promise<T> {
  const { rootfs } = lease;
  const ids = claimIds(ownRuntimePaths(facts), facts, rootfs, pool.holder);
  try {
    const sandboxDirectory = ownSandboxDirectory(facts, rootfs);
    const { path, ...mounts } = planBareTree({ rootfs, facts, idSlot: ids?.slot ?? 0, sandboxDirectory });
    return await action({ ...mounts, trees: [{ source: path, inside: treeInside, writable }] });
  } finally {
    ids?.release();
  }
}
