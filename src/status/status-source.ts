import { openQueries } from '../client/query.ts';
import { IsolateError } from '../error.ts';
import { daemonRestart, daemonStart } from '../host/daemon-start.ts';
import { runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import { openLocalPools } from './local-pools.ts';
import { readUserRuns } from './user-runs.ts';
import { createHostStatus, type RunsDocument, type StatusDocument } from './status.ts';
import { rightsOf } from '../host/rights.ts';

/** A source of status and runs for repeated reading. */
export interface StatusSource {
  readonly status: () => Promise<StatusDocument>;
  readonly runs: () => Promise<RunsDocument>;
  readonly close: () => void;
}

/**
 * Asks the daemon; what it does not tell, root reads from the state directories. The members throw `not-permitted` for other users
 * without a daemon, `daemon-failed` (also if the daemon was lost), and the daemon's refusals.
 */
export function openStatusSource(uid: number, socket?: string): StatusSource {
  const daemon = openQueries(socket);
  const rights = rightsOf(uid);
  const runtime = runtimePaths(systemRuntimeDirectory);
  const local = openLocalPools(runtime);
  const host = createHostStatus(runtime);

  /** From the runs that the daemon or root's state knows. */
  async function askRuns(): Promise<RunsDocument> {
    const answer = await daemon.ask('ps').catch((error: unknown) => {
      // A user who may not connect to the daemon has no clones.
      if (error instanceof IsolateError && error.code === 'not-permitted') return undefined;
      throw error;
    });
    if (hasList(answer, 'runs')) return answer as RunsDocument;
    if (answer !== undefined) throw unknownAnswer();
    if (rights === 'root') return host.runs(uid);
    if (daemon.lost() !== null) refuseWithoutDaemon();
    return { runs: [] };
  }

  function refuseWithoutDaemon(): void {
    if (rights === 'root') return;
    const lost = daemon.lost();
    const hint = `${lost === 'silent' ? daemonRestart() : daemonStart()}, or run isolate with sudo`;
    if (lost !== null) {
      const what = lost === 'silent' ? 'The daemon does not answer' : 'The daemon ended';
      throw new IsolateError('daemon-failed', `${what}, and without it only root can look at the pools.`, { hint });
    }
    throw new IsolateError('not-permitted', 'The daemon is not running, and without it only root can look at the pools.', { hint });
  }

  return {
    status: async () => {
      const answer = await daemon.ask('status');
      if (answer === undefined) {
        refuseWithoutDaemon();
        const silent = daemon.lost() === 'silent' ? { isSilent: true as const } : {};
        return { daemon: null, ...silent, pools: await host.pools(await local.all(), uid), settings: null };
      }
      if (!hasList(answer, 'pools')) throw unknownAnswer();
      const document = answer as StatusDocument;
      if (rights === 'user') return document;
      // Root may have refreshed pools that the daemon does not maintain.
      const others = await local.besides(new Set(document.pools.map(({ template }) => template)));
      return others.length === 0 ? document : { ...document, pools: [...document.pools, ...(await host.pools(others, uid))] };
    },
    runs: async () => {
      const { runs } = await askRuns();
      // A user could give a run the id of another user's run.
      const known = new Set(runs.map(({ runId }) => runId));
      const own = readUserRuns(uid).filter(({ runId }) => !known.has(runId));
      return { runs: [...runs, ...own].toSorted((left, right) => left.sinceMs - right.sinceMs) };
    },
    close: daemon.close,
  };
}

/** A daemon of another version may still run. */
function hasList<Key extends string>(answer: unknown, list: Key): answer is Readonly<Record<Key, readonly unknown[]>> {
  return typeof answer === 'object' && answer !== null && Array.isArray((answer as Readonly<Record<string, unknown>>)[list]);
}

/** The daemon is of another version. */
export function unknownAnswer(): IsolateError {
  return new IsolateError('daemon-failed', 'This version of isolate does not understand the answer of the daemon.', {
    hint: 'systemctl restart isolated-pools.service',
  });
}
