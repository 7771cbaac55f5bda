import { IsolateError } from '../error.ts';
import type { SandboxIds } from '../host/facts.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import { encodeLaunchRecord } from '../launch/record.ts';
import { type Rootfs, rootfsOf } from '../rootfs/rootfs.ts';
import { decide } from '../run/decide.ts';
import type { Way } from '../run/lifecycle.ts';
import type { Prepared } from '../run/prepared.ts';
import type { RunEvent } from '../run/run-event.ts';
import { claimIds } from '../run/place.ts';
import type { RunCaller } from '../run/run-caller.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import type { RunRequest } from '../spec/request.ts';
import { rootName } from '../spec/root-ref.ts';
import type { CommandLine } from './command-line.ts';
import type { Connection } from './connection.ts';
import type { HandOver } from './hand-over.ts';
import { failedOutcome } from './ended.ts';
import type { DaemonLease, LeaseOutcome } from './lease.ts';
import type { Leases } from './leases.ts';
import type { RunGroups } from './run-groups.ts';
import { hasNested, lookIntoClone } from './settle-in-clone.ts';

/** Why a run did not go on here: the program in Node has to do it. */
export const leftToNode = new Error('This run is for the program in Node.');

/** A client that wants a run. */
export interface RunClient {
  readonly connection: Connection;
  /** Notices are not wanted. */
  readonly quiet: boolean;
  /** Somebody may look on: standard error is a terminal. */
  readonly isWatched: boolean;
  /** Called when it has its launch. */
  readonly onSent: () => void;
}

/** What a run needs of the daemon. */
export interface RunServices {
  readonly commandLine: CommandLine;
  readonly leases: Pick<Leases, 'lease' | 'checkAccess'>;
  readonly paths: RuntimePaths;
  /** Whether the daemon keeps a pool of this template. */
  readonly keeps: (template: string) => boolean;
  /** Makes a clone ready to be handed to a user. */
  readonly handOver: HandOver;
  readonly groups: Pick<RunGroups, 'open'>;
  /** What the settings give root's sandboxes. */
  readonly sandboxIds: () => SandboxIds | null;
}

/** The way of a run that the daemon decides for a client, which carries it out. */
export function clientWay(
  { connection, quiet, isWatched, onSent }: RunClient,
  services: RunServices,
  caller: RunCaller,
): Way<DaemonLease, LeaseOutcome> {
  const { peer } = connection;
  const notices = createNotices((text) => {
    connection.send('message', [{ name: 'text', value: services.commandLine.renderNotice(text) }]);
  });
  const tell = (event: RunEvent): void => {
    if (event.kind === 'waiting' && isWatched) notices.sayNow(event.message);
    else if (event.kind === 'warning') notices.say(`warning: ${event.message}`);
    else if (event.kind === 'notice' && !quiet) notices.say(event.message);
  };
  /** Until it is asked: it knows the client's message. */
  let asker: RunCaller | null = caller;
  return {
    name: 'daemon',
    tell,
    prepare: (request) => {
      const prepared = prepare(request, asker as RunCaller);
      asker = null;
      return prepared;
    },
    lease: async ({ spec, engine, facts }) => {
      connection.lease = await services.leases.lease({
        template: rootName(spec.root),
        peer,
        engine: engine.name,
        command: spec.command,
        ...(facts.cgroups.byDaemon === true ? { limits: spec.limits } : {}),
        waitMs: spec.waitMs,
        signal: connection.closed,
        onLongWait: (message) => tell({ kind: 'waiting', message }),
      });
      return connection.lease;
    },
    look: async (lease, { spec, engine: { capabilities } }) => {
      const view = await lookIntoClone(lease, targetsToLookAt(spec, capabilities), capabilities);
      const places = view.targets.map((found) => (found instanceof IsolateError ? '/' : found.path));
      if (needsClient(spec.binds.length, places)) throw leftToNode;
      return view;
    },
    place: async (lease, { spec, facts }) => {
      const rootfs = peer.uid === 0 ? lease.rootfs : await handOver(lease);
      const groups = facts.cgroups.byDaemon === true ? services.groups.open(lease, spec.limits) : undefined;
      const ids = claimIds(services.paths, facts, rootfs, lease.pool.holder);
      // Those of a client that may run on are freed by a refresh when it is dead.
      if (ids !== null) lease.defer((runsOn) => runsOn || ids.release());
      const place = { rootfs, runId: lease.run.runId, idSlot: ids?.slot ?? 0, sandboxDirectory: services.paths.sandbox };
      return groups === undefined ? place : { ...place, groups };
    },
    carry: ({ launch, lease }) => {
      notices.flush();
      connection.send('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
      onSent();
      return lease.ended;
    },
    end: async (ending) => {
      try {
        return await ending;
      } catch (error) {
        if (error === leftToNode) {
          connection.lease?.release();
          connection.lease = null;
        } else {
          notices.flush();
          connection.lease?.release(failedOutcome(error));
        }
        throw error;
      }
    },
  };

  async function handOver(lease: DaemonLease): Promise<Rootfs> {
    const { part, tree } = await services.handOver(lease, peer, (message) => tell({ kind: 'waiting', message }));
    connection.tree = tree;
    return rootfsOf(part);
  }
}

/** Whatever is wrong with it the program in Node finds as well, and says so in its words. */
async function prepare(request: RunRequest, caller: RunCaller): Promise<Prepared> {
  try {
    const prepared = await decide(request, caller);
    const { spec, engine } = prepared;
    const hasHooks = spec.hooks.pre !== undefined || spec.hooks.post !== undefined;
    if (!hasHooks && !needsClient(spec.binds.length, targetsToLookAt(spec, engine.capabilities))) return prepared;
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code === 'aborted') throw error;
  }
  throw leftToNode;
}

/** What is told only with the launch, because a program in Node that has to do the run tells it itself. */
function createNotices(send: (text: string) => void): Record<'say' | 'sayNow', (text: string) => void> & { readonly flush: () => void } {
  const untold: string[] = [];
  const flush = (): void => untold.splice(0).forEach(send);
  return {
    say: (text) => void untold.push(text),
    sayNow: (text) => {
      flush();
      send(text);
    },
    flush,
  };
}

/** Only the client may look at what its binds show: the first `count` of these places are theirs. */
function needsClient(count: number, places: readonly string[]): boolean {
  const targets = places.slice(0, count);
  return hasNested(targets) || places.slice(count).some((place) => targets.some((target) => place.startsWith(`${target}/`)));
}
