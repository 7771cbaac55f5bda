import { dirname } from 'node:path';

import { findUnenforceable, planCgroups } from '../engine/cgroup.ts';
import type { CgroupDirectory } from '../launch/launch.ts';
import { IsolateError } from '../error.ts';
import type { ControllerName } from '../host/cgroup.ts';
import type { CgroupFacts } from '../host/facts.ts';
import { isAlive } from '../pool/holder.ts';
import type { Limits } from '../spec/spec.ts';
import type { GivenGroups } from '../engine/engine.ts';
import type { DaemonLease } from './lease.ts';
import type { Peer } from './peer.ts';
import { applySettings, hastenMoves, makeDirectories, moveInto, removeDirectories, vouchFor } from './group-files.ts';

/** The cgroups for runs of users who cannot make any themselves. */
export interface RunGroups {
  /** The limits that can be enforced in this way, by the names of their controllers. */
  readonly controllers: () => readonly ControllerName[];
  /** The directories for the groups of such a run. Throws `cannot-enforce` for a limit that has no controller here. */
  readonly placesFor: (limits: Limits) => readonly string[];
  /**
   * Prepares groups for this lease's run: they are made when it joins, and removed with everything in them when the lease is over.
   * Undefined: it has no limits.
   */
  readonly open: (lease: Pick<DaemonLease, 'run' | 'peer' | 'defer'>, limits: Limits) => GivenGroups | undefined;
  /**
   * Moves the peer's process into the groups of the run: the run's own first process, then those of commands that join the run. Throws
   * `not-permitted`, `cannot-enforce`.
   */
  readonly join: (peer: Peer, runId: string) => Promise<void>;
}

interface Opened {
  readonly uid: number;
  readonly directories: readonly CgroupDirectory[];
  isJoined: boolean;
  /** The limits of the groups are set. */
  isLimited: boolean;
  /** Null until the lease ends; then whether what is in the groups goes on without the daemon, or ends with the lease. */
  runsOn: boolean | null;
}

/**
 * The process is moved first, into groups without limits. The limits are set once it is certain that the right process was moved: if it
 * ends at that moment, its pid may come to mean another process, which then loses nothing and is not killed with the groups. The process
 * is the launcher's child, so the launcher itself survives when the memory runs out.
 */
export function createRunGroups(probe: () => CgroupFacts): RunGroups {
  const opened = new Map<string, Opened>();
  let found: CgroupFacts | null = null;
  // The host's hierarchies do not change, and its mounts may be many; only missing ones are looked for again.
  const find = (limits: Limits): CgroupFacts => {
    if (Object.keys(limits).length === 0) return none;
    if (found === null || namesOf(found).length < names.length) found = probe();
    return found;
  };
  return {
    controllers: () => namesOf((found ??= probe())),
    placesFor: (limits) => {
      const facts = find(limits);
      const [missing] = findUnenforceable(limits, facts);
      if (missing !== undefined) throw cannotEnforce(missing);
      return planCgroups(limits, facts, '').map(({ path }) => path.slice(0, path.lastIndexOf('/')));
    },
    open: ({ run: { runId }, peer: { uid }, defer }, limits) => {
      const directories = planCgroups(limits, find(limits), runId);
      if (directories.length === 0) return undefined;
      const groups: Opened = { uid, directories, isJoined: false, isLimited: false, runsOn: null };
      opened.set(runId, groups);
      // The client joins a few milliseconds from now.
      void hastenMoves();
      defer((runsOn) => {
        opened.delete(runId);
        groups.runsOn = runsOn;
        if (!runsOn) void removeDirectories(directories);
      });
      return { run: runId, directories };
    },
    join: async (peer, runId) => {
      const { uid, pid, holder } = peer;
      const groups = opened.get(runId);
      if (groups === undefined || groups.uid !== uid || groups.isJoined !== groups.isLimited) {
        throw new IsolateError('not-permitted', `The user ${uid} has no run ${JSON.stringify(runId)} with cgroups to join.`);
      }
      if (groups.isLimited) return await addProcess(groups, peer);
      groups.isJoined = true;
      const { directories } = groups;
      try {
        if (holder === null) throw new Error(`process ${pid} is not in the daemon's pid namespace`);
        await makeDirectories(directories);
        if (groups.runsOn !== null) throw new Error('its lease has ended');
        await moveInto(directories, pid);
        if (!isAlive(holder, holder.bootId)) throw new Error(`process ${pid} has ended`);
        await vouchFor(directories);
        await applySettings(directories);
        groups.isLimited = true;
      } catch (cause) {
        throw new IsolateError('cannot-enforce', `The limits of the run cannot be set: ${(cause as Error).message}.`, { cause });
      } finally {
        // The lease may have ended before the groups were made.
        if (groups.runsOn === false) void removeDirectories(directories);
      }
    },
  };
}

/**
 * One more process, in groups whose limits are set. If it has ended, its pid may have come to mean another process, which is moved out
 * again.
 */
async function addProcess({ directories, runsOn }: Opened, { pid, holder }: Peer): Promise<void> {
  try {
    if (holder === null) throw new Error(`process ${pid} is not in the daemon's pid namespace`);
    if (runsOn !== null) throw new Error('its lease has ended');
    await moveInto(directories, pid);
    if (isAlive(holder, holder.bootId)) return;
    await moveInto(
      directories.map(({ path }) => ({ path: dirname(path), settings: [] })),
      pid,
    );
    throw new Error(`process ${pid} has ended`);
  } catch (cause) {
    throw new IsolateError('cannot-enforce', `The command cannot have the limits of its run: ${(cause as Error).message}.`, { cause });
  }
}

const names: readonly ControllerName[] = ['cpu', 'memory', 'pids'];

function namesOf(facts: CgroupFacts): readonly ControllerName[] {
  return names.filter((name) => facts[name] !== null);
}

function cannotEnforce(controller: ControllerName): IsolateError {
  return new IsolateError(
    'cannot-enforce',
    `--${controller} cannot be enforced: the daemon has no place to make a cgroup with the ${controller} controller.`,
    { hint: 'ask root to run isolate doctor, which shows what exists' },
  );
}

const none: CgroupFacts = { cpu: null, memory: null, pids: null, others: [] };
