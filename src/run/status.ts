import type { PoolStatusReader, PoolStatus } from '../pool/status.ts';
import type { RunEntry } from '../pool/runs.ts';

/** What `isolate status --json` prints, and the daemon answers to the query `status`. */
export interface StatusDocument {
  /** Null: none runs. */
  readonly daemon: DaemonStatus | null;
  readonly pools: readonly PoolStatus[];
}

export interface DaemonStatus {
  readonly pid: number;
  /** When it was started, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** What `isolate ps --json` prints, and the daemon answers to the query `ps`. */
export interface RunsDocument {
  readonly runs: readonly RunStatus[];
}

export interface RunStatus extends Omit<RunEntry, 'command'> {
  /** Null: it is another user's, and the asker not root. */
  readonly command: readonly string[] | null;
}

/** The status of these pools, as the user `uid` may see it: other users' command names are root's to know. */
export async function describePools(
  readers: readonly PoolStatusReader[],
  runs: readonly RunEntry[],
  uid: number,
): Promise<readonly PoolStatus[]> {
  const pools = await Promise.all(readers.map((read) => read(runs)));
  return uid === 0 ? pools : pools.map((pool) => hideCommands(pool, uid));
}

/** Runs as the user `uid` may see them. */
export function describeRuns(runs: readonly RunEntry[], uid: number): RunsDocument {
  return { runs: runs.map((run) => (uid === 0 || run.uid === uid ? run : { ...run, command: null })) };
}

function hideCommands(pool: PoolStatus, uid: number): PoolStatus {
  const inUse = pool.inUse.map((clone) =>
    clone.uid === uid ? clone : { ...clone, holders: clone.holders.map(({ pid }) => ({ pid, command: null })) },
  );
  return { ...pool, inUse };
}
