import { IsolateError } from '../error.ts';
import type { Pool } from '../pool/pool.ts';
import { readInUse } from '../pool/state/pool-state.ts';
import { listSessions, type SessionIndex } from './index-files.ts';
import { mendIndex, seeClones } from './mend.ts';
import { type ClonedRoot, isSameRoot, type LastRun, parseLastRun, type SessionRecord } from './record.ts';

/** A session as it is now. */
export interface ListedSession extends SessionRecord {
  readonly inUse: boolean;
  /** Bytes on disk that are its alone; null: unknown. */
  readonly sizeBytes: number | null;
}

/** Opens the pool of a root for `action`. Throws what the storage says. */
export type WithRoot = <T>(root: ClonedRoot, action: (pool: Pool) => Promise<T>) => Promise<T>;

/**
 * The sessions of an owner, or of all (null), by their names, after the index was made to agree with the storage. `kept`: roots that may
 * have sessions whose names were lost. A storage that does not answer is told to `warn`, and its sessions are listed without a size.
 */
export async function lookAtSessions(
  index: SessionIndex,
  uid: number | null,
  withRoot: WithRoot,
  warn: (message: string) => void,
  kept: readonly ClonedRoot[] = [],
): Promise<readonly ListedSession[]> {
  const seen: { readonly root: ClonedRoot; readonly look: Look }[] = [];
  for (const root of rootsOf([...listSessions(index, uid).map(({ root }) => root), ...kept])) {
    try {
      seen.push({ root, look: await withRoot(root, (pool) => lookAtRoot(index, uid, root, pool)) });
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error;
      warn(error.message);
    }
  }
  return listSessions(index, uid).map((record) => {
    const look = seen.find(({ root }) => isSameRoot(root, record.root))?.look;
    const { id } = record.clone;
    // A run that the daemon has planned on a directory writes to the storage alone.
    const stored = look?.lastRuns.get(id);
    const last = stored !== undefined && stored.usedMs > record.usedMs ? stored : {};
    return { ...record, ...last, inUse: look?.leased.has(id) === true, sizeBytes: look?.sizes.get(id) ?? null };
  });
}

interface Look {
  readonly leased: ReadonlySet<string>;
  readonly sizes: ReadonlyMap<string, number>;
  /** As the storage has them. */
  readonly lastRuns: ReadonlyMap<string, LastRun>;
}

async function lookAtRoot(index: SessionIndex, uid: number | null, root: ClonedRoot, pool: Pool): Promise<Look> {
  const seen = await seeClones(pool);
  mendIndex(index, root, seen, pool.clock());
  const own = listSessions(index, uid).filter((record) => isSameRoot(record.root, root));
  const sizes = await pool.driver.usage(own.map(({ clone }) => clone.id));
  const lastRuns = seen.clones.flatMap(({ id, lastRun }) => {
    const last = lastRun === undefined ? null : parseLastRun(lastRun);
    return last === null ? [] : [[id, last] as const];
  });
  return { leased: new Set(readInUse(pool)), sizes, lastRuns: new Map(lastRuns) };
}

function rootsOf(roots: readonly ClonedRoot[]): readonly ClonedRoot[] {
  return roots.filter((root, at, all) => all.findIndex((one) => isSameRoot(one, root)) === at);
}
