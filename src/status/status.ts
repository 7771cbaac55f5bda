import type { Failure } from '../pool/failure.ts';
import { readBootId } from '../pool/holder.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import { readRuns, type RunEntry } from '../pool/claims/runs.ts';
import { createPoolStatusReader, type PoolStatus, type PoolStatusOptions, type PoolStatusReader } from './pool-status.ts';
import { rightsOf } from '../host/rights.ts';

/** What `isolate status --json` prints, and the daemon answers to the query `status`. */
export interface StatusDocument {
  /** Null: none runs, or none answers. */
  readonly daemon: DaemonStatus | null;
  /** One runs that does not answer; this is what root finds in the state. */
  readonly isSilent?: true;
  readonly pools: readonly PoolStatus[];
  /** The files of the settings are wrong, so those of before hold, if there were any; null: they are not, or are not for the asker to know. */
  readonly settings?: SettingsProblem | null;
}

export interface SettingsProblem {
  readonly error: Failure;
  /** In milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface DaemonStatus {
  readonly pid: number;
  /** When it was started, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** False: its settings have not been valid since then, so it lends no clones. */
  readonly serves: boolean;
  /** What it can limit the runs of other users than root in: cpu, memory, pids. */
  readonly limits: readonly string[];
}

/** What `isolate ps --json` prints, and the daemon answers to the query `ps`. */
export interface RunsDocument {
  readonly runs: readonly RunStatus[];
}

/** What makes `pid` certain. A daemon of an older version does not tell it. */
type RunHolder = Pick<RunEntry, 'startTime' | 'pidNamespace'>;

export interface RunStatus extends Omit<RunEntry, 'command' | keyof RunHolder>, Partial<RunHolder> {
  /** Null: it is another user's, and the asker not root. */
  readonly command: readonly string[] | null;
}

/** A pool to tell of. */
export type StatusPool = Pick<PoolStatusOptions, 'pool' | 'driver' | 'count'>;

/** Tells of pools and runs what the user `uid` may see: other users' commands are root's to know. */
export interface HostStatus {
  readonly pools: (shown: readonly StatusPool[], uid: number) => Promise<readonly PoolStatus[]>;
  readonly runs: (uid: number) => RunsDocument;
}

/** To be kept and asked again and again: what does not change is read once. */
export function createHostStatus(runtime: RuntimePaths): HostStatus {
  const bootId = readBootId();
  const readers = new Map<string, { readonly of: StatusPool; readonly read: PoolStatusReader }>();

  function readerOf(shown: StatusPool): PoolStatusReader {
    const { template } = shown.pool;
    const known = readers.get(template);
    const { pool, driver, count } = known?.of ?? {};
    if (known !== undefined && pool === shown.pool && driver === shown.driver && count === shown.count) return known.read;
    const read = createPoolStatusReader(shown);
    readers.set(template, { of: shown, read });
    return read;
  }

  return {
    pools: async (shown, uid) => {
      const runs = readRuns(runtime, bootId);
      const pools = await Promise.all(shown.map((one) => readerOf(one)(runs)));
      return rightsOf(uid) === 'root' ? pools : pools.map((pool) => hideCommands(pool, uid));
    },
    runs: (uid) => ({
      runs: readRuns(runtime, bootId).map((run) => (rightsOf(uid) === 'root' || run.uid === uid ? run : { ...run, command: null })),
    }),
  };
}

function hideCommands(pool: PoolStatus, uid: number): PoolStatus {
  const inUse = pool.inUse.map((clone) =>
    clone.uid === uid ? clone : { ...clone, holders: clone.holders.map(({ pid }) => ({ pid, command: null })) },
  );
  return { ...pool, inUse };
}
