import type { Rootfs } from '../rootfs/rootfs.ts';
import type { RunClaim, RunDescription } from '../pool/claims/runs.ts';
import type { PoolFiles } from '../pool/pool.ts';
import type { Limits } from '../spec/spec.ts';
import { claimRunFor } from './claim-run.ts';
import type { Checked } from './check-ahead.ts';
import type { Taken } from './fresh-clones.ts';
import { type Held, holdFor, type LeaseOutcome } from './held.ts';
import type { Peer } from './peer.ts';
import type { WantedSession } from './wanted-session.ts';
import { shortenCommand } from '../spec/shorten-command.ts';

export interface LeaseRequest {
  readonly template: string;
  readonly peer: Peer;
  readonly engine: string;
  /** What `isolate ps` shows; empty: what `showCommand` says. */
  readonly command: readonly string[];
  /** The limits for which the daemon makes cgroups; absent: none. */
  readonly limits?: Limits;
  /** Absent: a clone that is thrown away. */
  readonly wanted?: WantedSession;
  /** How long to wait if no clone is fresh, longer while clones are being made; 0: fail at once. */
  readonly waitMs: number;
  /** `Connection.closed`: aborting it gives up the wait or ends the lease. */
  readonly signal: AbortSignal;
  /** Called once after a second of waiting, with a part of a sentence that says what for. */
  readonly onLongWait?: (message: string) => void;
}

/** The exclusive claim of a client on one clone; it ends with the client's connection. */
export interface DaemonLease extends Held {
  readonly id: string;
  readonly template: string;
  /** The session that the clone is of; absent: of none. */
  readonly session?: string;
  readonly rootfs: Rootfs;
  /** Where this process reaches the rootfs: the clone may be mounted where only the shelf has it. */
  readonly seenAt: string;
  /** What was seen in it before anybody asked for it; null: nothing yet. */
  readonly checked: Checked | null;
  /** The state of the clone's pool, with the client's process as the holder. */
  readonly pool: PoolFiles;
  readonly peer: Peer;
  /** Id and directory of the run, claimed for the client's process; both go with the lease. */
  readonly run: RunClaim;
  /** Has `isolate ps` show a command that was not known when the lease began. */
  readonly showCommand: (command: readonly string[]) => void;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
}

/** A lease that ended, or a request that was refused. */
export interface LeaseEvent {
  readonly peer: Peer;
  readonly template: string;
  readonly engine: string;
  readonly waitedMs: number;
}

/** Observers of each lease: the audit and the metrics. */
export interface LeaseWatch {
  readonly onLeased: (event: LeaseEvent & { readonly clone: string }) => void;
  readonly onEnded: (event: LeaseEvent & { readonly clone: string; readonly heldMs: number; readonly outcome: LeaseOutcome }) => void;
  readonly onRefused: (event: LeaseEvent & { readonly error: unknown }) => void;
}

/** A clone that was taken for a request and becomes its lease. */
export interface Begun extends Pick<LeaseRequest, 'template' | 'peer' | 'engine' | 'command' | 'signal'> {
  readonly taken: Taken;
  readonly waitedMs: number;
  /** The directories of the run's cgroups; absent: it has none. */
  readonly groupsIn?: readonly string[];
  /** Uncounts the lease for its user. */
  readonly countOff: () => void;
  /** `outcome` absent: the run did not begin. */
  readonly giveBack: (outcome?: LeaseOutcome) => void;
  /** As in `DaemonLease`. */
  readonly session?: string;
}

/** Begins a lease; `active` has the keys of all. Throws `state-unreadable`, and the clone is given back. */
export function beginLease(begun: Begun, { active, watch }: { readonly active: Set<string>; readonly watch: LeaseWatch }): DaemonLease {
  const { template, peer, engine, signal, taken, waitedMs } = begun;
  const { id, rootfs, seenAt, checked, pool } = taken;
  const startedMs = Date.now();
  const startMs = performance.now();
  const key = keyOf({ template, id });
  const description = describe(begun, startedMs);
  const run = claimFor(begun, description);
  const showCommand = (command: readonly string[]): void => run.describe({ ...description, command: shortenCommand(command) });
  active.add(key);
  const event = { peer, template, engine, waitedMs, clone: id };
  watch.onLeased(event);
  const held = holdFor({
    signal,
    warn: pool.warn,
    onEnded: (outcome) => watch.onEnded({ ...event, heldMs: performance.now() - startMs, outcome }),
  });
  held.defer(() => active.delete(key));
  held.defer((runsOn) => runsOn || run.remove());
  // Of a clone that its client never heard of there was no run.
  let isSent = false;
  held.defer((runsOn, outcome) => runsOn || begun.giveBack(isSent ? outcome : undefined));
  held.defer(begun.countOff);
  const session = begun.session === undefined ? {} : { session: begun.session };
  const send = (): void => {
    isSent = true;
    held.send();
  };
  return { ...held, send, ...session, id, template, rootfs, seenAt, checked, pool, peer, run, showCommand, startedMs };
}

/** What `isolate ps` shows. */
function describe({ template, peer, engine, command, groupsIn, taken }: Begun, sinceMs: number): RunDescription {
  return { template, clone: taken.id, engine, command, uid: peer.uid, sinceMs, ...(groupsIn === undefined ? {} : { groupsIn }) };
}

/** Claims the run for the client's process. */
function claimFor(begun: Begun, description: RunDescription): RunClaim {
  const { taken } = begun;
  const { holder, runtime } = taken.pool;
  try {
    return claimRunFor(holder, runtime, description);
  } catch (error) {
    begun.countOff();
    begun.giveBack();
    throw error;
  }
}

/** Names a clone among those of all templates. */
export function keyOf({ template, id }: Pick<DaemonLease, 'template' | 'id'>): string {
  return `${template}\0${id}`;
}
