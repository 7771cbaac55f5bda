import type { Rootfs } from '../rootfs/rootfs.ts';
import { type ErrorCode, IsolateError } from '../error.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';
import { claimRun, type RunClaim, type RunDescription } from '../pool/claims/runs.ts';
import type { Outcome } from '../launch/outcome.ts';
import type { PoolFiles } from '../pool/pool.ts';
import type { Limits } from '../spec/spec.ts';
import type { Taken } from './fresh-clones.ts';
import { brokerGone } from './gone.ts';
import type { Peer } from './peer.ts';

/** How a lease ended. `closed`: the client went without saying; `left`: its broker did, and the next daemon looks after it. */
export type LeaseOutcome = Outcome | { readonly kind: 'failed'; readonly code: ErrorCode | null } | { readonly kind: 'closed' | 'left' };

export interface LeaseRequest {
  readonly template: string;
  readonly peer: Peer;
  readonly engine: string;
  /** What `isolate ps` shows. */
  readonly command: readonly string[];
  /** What the daemon is to make cgroups for; absent: nothing. */
  readonly limits?: Limits;
  /** How long to wait where no clone is fresh, longer while clones are being made; 0: fail at once. */
  readonly waitMs: number;
  /** `Connection.closed`: aborting it gives up the wait or ends the lease. */
  readonly signal: AbortSignal;
  /** Called once after a second of waiting, with a sentence's part that says what for. */
  readonly onLongWait?: (message: string) => void;
}

/** The exclusive claim of a client on one clone; it ends with the client's connection. */
export interface DaemonLease {
  readonly id: string;
  readonly template: string;
  readonly rootfs: Rootfs;
  /** It has directories wherever isolate mounts; false: nobody looked yet. */
  readonly isChecked: boolean;
  /** The state of the clone's pool, with the client's process as the holder. */
  readonly pool: PoolFiles;
  readonly peer: Peer;
  /** Id and directory of the run, claimed for the client's process; both go with the lease. */
  readonly run: RunClaim;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  /** Calls `action` when the lease ends, whatever ends it, or at once if it has ended; `runsOn`: the client may live on, and use the clone. */
  readonly defer: (action: (runsOn: boolean) => void) => void;
  /** The client is told of its clone now, and may use it even if its broker goes. */
  readonly send: () => void;
  /** What the client said of the end, should the lease end without more. */
  readonly note: (outcome: LeaseOutcome) => void;
  /** How it ended, when it has. */
  readonly ended: Promise<LeaseOutcome>;
  /** Retires the clone; the second time it does nothing. */
  readonly release: (outcome?: LeaseOutcome) => void;
}

/** A lease that ended, or a request that was refused. */
export interface LeaseEvent {
  readonly peer: Peer;
  readonly template: string;
  readonly engine: string;
  readonly waitedMs: number;
}

/** Who is told of each lease: the audit and the metrics. */
export interface LeaseWatch {
  readonly onLeased: (event: LeaseEvent & { readonly clone: string }) => void;
  readonly onEnded: (event: LeaseEvent & { readonly clone: string; readonly heldMs: number; readonly outcome: LeaseOutcome }) => void;
  readonly onRefused: (event: LeaseEvent & { readonly error: unknown }) => void;
}

/** A clone that was taken for a request, to become its lease. */
export interface Begun extends Pick<LeaseRequest, 'template' | 'peer' | 'engine' | 'command' | 'signal'> {
  readonly taken: Taken;
  readonly waitedMs: number;
  /** The directories that the groups of the run's limits lie in; absent: it has none. */
  readonly groupsIn?: readonly string[];
  /** Takes the lease off what its user has. */
  readonly countOff: () => void;
  readonly giveBack: (taken: Taken) => void;
}

interface Lent extends Begun {
  readonly run: RunClaim;
  readonly startMs: number;
  /** It is no longer among the active ones, and its connection's end is nothing to it. */
  readonly leave: () => void;
  readonly tell: (outcome: LeaseOutcome) => void;
  readonly deferred: ((runsOn: boolean) => void)[];
  noted: LeaseOutcome | null;
  isSent: boolean;
  /** Null: not yet. */
  endedWith: { readonly runsOn: boolean } | null;
}

/** Begins a lease; `active` has the keys of all. Throws `state-unreadable`, and the clone is given back. */
export function beginLease(begun: Begun, { active, watch }: { readonly active: Set<string>; readonly watch: LeaseWatch }): DaemonLease {
  const { template, peer, engine, signal, taken, waitedMs } = begun;
  const { id, rootfs, isChecked, pool } = taken;
  const startedMs = Date.now();
  const startMs = performance.now();
  const { promise: ended, resolve: hasEnded } = Promise.withResolvers<LeaseOutcome>();
  const key = keyOf({ template, id });
  const onGone = (): void => loseClient(lent);
  const lent: Lent = {
    ...begun,
    run: claimFor(begun, startedMs),
    startMs,
    leave: () => {
      signal.removeEventListener('abort', onGone);
      active.delete(key);
    },
    tell: (outcome) => {
      watch.onEnded({ peer, template, engine, waitedMs, clone: id, heldMs: performance.now() - startMs, outcome });
      hasEnded(outcome);
    },
    deferred: [begun.countOff],
    noted: null,
    isSent: false,
    endedWith: null,
  };
  active.add(key);
  watch.onLeased({ peer, template, engine, waitedMs, clone: id });
  if (signal.aborted) onGone();
  else signal.addEventListener('abort', onGone);
  return {
    id,
    template,
    rootfs,
    isChecked,
    pool,
    peer,
    run: lent.run,
    startedMs,
    ended,
    defer: (action) => {
      if (lent.endedWith !== null) action(lent.endedWith.runsOn);
      else lent.deferred.push(action);
    },
    send: () => {
      lent.isSent = true;
    },
    note: (outcome) => {
      lent.noted ??= outcome;
    },
    release: (outcome) => end(lent, outcome ?? lent.noted ?? { kind: 'closed' }),
  };
}

/** What `isolate ps` gets to know of it, claimed for the client's process. */
function claimFor(begun: Begun, sinceMs: number): RunClaim {
  const { template, peer, engine, command, groupsIn, taken } = begun;
  const places = groupsIn === undefined ? {} : { groupsIn };
  try {
    return claim({ template, clone: taken.id, engine, command, uid: peer.uid, sinceMs, ...places }, taken.pool);
  } catch (error) {
    begun.countOff();
    begun.giveBack(taken);
    throw error;
  }
}

/** A client that lost its broker may run on; its clone is retired when its process ends. */
function loseClient(lent: Lent): void {
  if (lent.signal.reason === brokerGone && lent.isSent) end(lent, { kind: 'left' }, true);
  else end(lent, lent.noted ?? { kind: 'closed' });
}

function end(lent: Lent, outcome: LeaseOutcome, runsOn = false): void {
  if (lent.endedWith !== null) return;
  lent.endedWith = { runsOn };
  const { run, taken, giveBack, deferred } = lent;
  lent.leave();
  const steps = [...(runsOn ? [] : [run.remove, () => giveBack(taken)]), ...deferred.map((action) => () => action(runsOn))];
  for (const step of steps) attempt(step, taken.pool);
  lent.tell(outcome);
}

/** Makes the state directories once more where somebody has removed them; throws `state-unreadable`. */
function claim(description: RunDescription, { runtime, holder }: PoolFiles): RunClaim {
  try {
    return claimRun(runtime, description, holder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(runtime.runs, error);
  }
  ensureRuntimeDirectories(runtime, 0);
  try {
    return claimRun(runtime, description, holder);
  } catch (error) {
    throw unusable(runtime.runs, error);
  }
}

function unusable(directory: string, cause: unknown): IsolateError {
  return new IsolateError('state-unreadable', `The state directory ${directory} cannot be written.`, { cause });
}

/** What cannot be given back now a refresh gives back when its holder is dead. */
function attempt(step: () => void, { warn }: PoolFiles): void {
  try {
    step();
  } catch (error) {
    warn((error as Error).message);
  }
}

/** Names a clone among those of all templates. */
export function keyOf({ template, id }: Pick<DaemonLease, 'template' | 'id'>): string {
  return `${template}\0${id}`;
}
