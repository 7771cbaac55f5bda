import { configPath } from '../config/config.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import { type ErrorCode, IsolateError } from '../error.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';
import { describeWait, noFreeClone } from '../pool/lease/lease.ts';
import { claimRun, type RunClaim, type RunDescription } from '../pool/claims/runs.ts';
import type { PoolFiles } from '../pool/pool.ts';
import type { Limits } from '../spec/spec.ts';
import type { Taken } from './fresh-clones.ts';
import { brokerGone } from './gone.ts';
import type { Peer } from './peer.ts';
import { type ServedPool, servePool } from './served-pool.ts';

/** How a lease ended. `closed`: the client went without saying; `left`: its broker did, and the next daemon looks after it. */
export type LeaseOutcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: number }
  | { readonly kind: 'not-executed'; readonly errno: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null }
  | { readonly kind: 'timed-out' | 'closed' | 'left' };

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

/** Who may lease what, and how much of it. */
export interface LeaseRules {
  /** Throws `not-permitted` where the peer may not use the template or the engine. */
  readonly checkAccess: (peer: Peer, template: string, engine: string) => void;
  /** The directories that cgroups with these limits lie in. Throws `not-permitted` for more than the user may ask for, `cannot-enforce`. */
  readonly checkLimits: (peer: Peer, limits: Limits) => readonly string[];
  /**
   * Counts a request of the user's: `waits` that there is no clone for it yet, `given` that it has got one, `end` that it or
   * its lease is over. Both it and `waits` throw `quota-exceeded`.
   */
  readonly takeQuota: (uid: number) => { readonly waits: () => void; readonly given: () => void; readonly end: () => void };
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

export interface LeasesOptions {
  /** Whether the settings say how many fresh clones of the template there shall be; absent: never. */
  readonly isCountSet?: (template: string) => boolean;
  readonly rules: LeaseRules;
  readonly watch: LeaseWatch;
}

export interface Leases {
  /** Throws `not-permitted` and `bad-name` as `lease` does, and tells of it: to be asked before anything about the template is. */
  readonly checkAccess: (request: Pick<LeaseRequest, 'template' | 'peer' | 'engine'>) => void;
  /**
   * A clone that is the peer's alone; users who wait for one of a template are served in turn, the requests of each in order. Throws
   * `not-permitted`, `quota-exceeded`, `no-free-clone`, `aborted`, `template-missing`, and what keeps the template from
   * being opened.
   */
  readonly lease: (request: LeaseRequest) => Promise<DaemonLease>;
  /** Whether the daemon keeps a pool of the template. */
  readonly serves: (template: string) => boolean;
  /** Whether a connection has the clone now. */
  readonly holds: (template: string, id: string) => boolean;
  /** Begins to serve a pool; `ring` is called when it has work. */
  readonly add: (pool: PoolFiles, ring: (urgent: boolean) => void) => ServedPool;
  /** Ends it; those who wait are refused, leases go on. */
  readonly remove: (template: string) => void;
}

type BegunRequest = LeaseRequest & { readonly groupsIn: readonly string[] };

/** More of a command than this is not kept. */
const longestCommand = 4096;

/** Hands out the clones of all pools that are served. */
export function createLeases({ isCountSet, rules, watch }: LeasesOptions): Leases {
  const pools = new Map<string, ServedPool>();
  const active = new Set<string>();

  async function obtain(request: LeaseRequest, startMs: number): Promise<DaemonLease> {
    const { template, peer, engine, waitMs, signal } = request;
    rules.checkAccess(peer, template, engine);
    const { holder } = peer;
    if (holder === null) throw cannotHold(peer);
    const groupsIn = request.limits === undefined ? [] : rules.checkLimits(peer, request.limits);
    const served = pools.get(template);
    if (served === undefined) throw new IsolateError('template-missing', `The daemon keeps no pool of ${template}.`);
    const { waits, given, end: countOff } = rules.takeQuota(peer.uid);
    let taken: Taken;
    try {
      const advice = adviseOnCount(template, peer.uid, isCountSet?.(template) === true);
      const onLongWait = (making: number): void => request.onLongWait?.(describeWait(template, making));
      taken = await served.take({ uid: peer.uid, holder, waitMs, signal, advice, onWait: waits, onLongWait });
    } catch (error) {
      countOff();
      throw error;
    }
    given();
    const waitedMs = performance.now() - startMs;
    return begin({ ...request, groupsIn }, served, taken, waitedMs, countOff);
  }

  function begin(request: BegunRequest, served: ServedPool, taken: Taken, waitedMs: number, countOff: () => void): DaemonLease {
    const { template, peer, engine, command, groupsIn, signal } = request;
    const { id, rootfs, isChecked, pool } = taken;
    const startedMs = Date.now();
    const startMs = performance.now();
    const deferred: ((runsOn: boolean) => void)[] = [countOff];
    let noted: LeaseOutcome | null = null;
    let sent = false;
    const { promise: ended, resolve: hasEnded } = Promise.withResolvers<LeaseOutcome>();
    let endedWith: { readonly runsOn: boolean } | null = null;
    let run: RunClaim;
    try {
      const places = groupsIn.length === 0 ? {} : { groupsIn };
      run = claim({ template, clone: id, engine, command, uid: peer.uid, sinceMs: startedMs, ...places }, pool);
    } catch (error) {
      countOff();
      served.giveBack(taken);
      throw error;
    }
    const key = keyOf(template, id);
    const end = (outcome: LeaseOutcome, runsOn = false): void => {
      if (endedWith !== null) return;
      endedWith = { runsOn };
      signal.removeEventListener('abort', onGone);
      active.delete(key);
      const steps = [...(runsOn ? [] : [run.remove, () => served.giveBack(taken)]), ...deferred.map((action) => () => action(runsOn))];
      for (const step of steps) attempt(step, pool);
      watch.onEnded({ peer, template, engine, waitedMs, clone: id, heldMs: performance.now() - startMs, outcome });
      hasEnded(outcome);
    };
    const onGone = (): void => {
      // A client that lost its broker may run on; its clone is retired when its process ends.
      if (signal.reason === brokerGone && sent) end({ kind: 'left' }, true);
      else end(noted ?? { kind: 'closed' });
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
      run,
      startedMs,
      ended,
      defer: (action) => {
        if (endedWith !== null) action(endedWith.runsOn);
        else deferred.push(action);
      },
      send: () => {
        sent = true;
      },
      note: (outcome) => {
        noted ??= outcome;
      },
      release: (outcome) => end(outcome ?? noted ?? { kind: 'closed' }),
    };
  }

  return {
    checkAccess: ({ peer, template, engine }) => {
      try {
        rules.checkAccess(peer, template, engine);
      } catch (error) {
        watch.onRefused({ peer, template, engine, waitedMs: 0, error });
        throw error;
      }
    },
    lease: async ({ command, ...rest }) => {
      const startMs = performance.now();
      const request = { ...rest, command: shorten(command) };
      try {
        return await obtain(request, startMs);
      } catch (error) {
        const { peer, template, engine } = request;
        watch.onRefused({ peer, template, engine, waitedMs: performance.now() - startMs, error });
        throw error;
      }
    },
    serves: (template) => pools.has(template),
    holds: (template, id) => active.has(keyOf(template, id)),
    add: (pool, ring) => {
      const served = servePool(pool, ring, noFreeClone);
      pools.set(pool.template, served);
      return served;
    },
    remove: (template) => {
      pools.get(template)?.end(new IsolateError('template-missing', `The daemon no longer keeps a pool of ${template}.`));
      pools.delete(template);
    },
  };
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

/** Undefined: it is a refresh that says how many there shall be. */
function adviseOnCount(template: string, uid: number, isSet: boolean): string | undefined {
  if (uid !== 0) return 'root can keep more of its clones fresh';
  return isSet ? `raise count in ${configPath}, below [templates."${template}"]` : undefined;
}

function cannotHold({ pid, absence }: Peer): IsolateError {
  if (absence === 'ended') return new IsolateError('not-permitted', `Process ${pid} has ended, so it cannot hold a lease.`);
  const who = pid === 0 ? 'A process that the daemon cannot see' : `Process ${pid}`;
  return new IsolateError('not-permitted', `${who} cannot hold a lease: it is not in the daemon's pid namespace.`, {
    hint: 'run isolate outside of the container, or use -t DIR',
  });
}

function keyOf(template: string, id: string): string {
  return `${template}\0${id}`;
}

/** A copy, for a part of a string keeps the whole of it in memory. */
function shorten(command: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let left = longestCommand;
  for (const word of command) {
    if (left <= 0) break;
    kept.push(word.slice(0, left));
    left -= word.length + 1;
  }
  return JSON.parse(JSON.stringify(kept)) as string[];
}
