import { configPath } from '../config/config.ts';
import { IsolateError } from '../error.ts';
import { describeWait, noFreeClone } from '../pool/lease/lease.ts';
import type { HolderId } from '../pool/holder.ts';
import type { PoolFiles } from '../pool/pool.ts';
import type { Limits } from '../spec/spec.ts';
import type { Taken } from './fresh-clones.ts';
import { beginLease, type DaemonLease, keyOf, type LeaseRequest, type LeaseWatch } from './lease.ts';
import { ownersFor } from './hand-over.ts';
import type { MakeOwnClone } from './own-clone.ts';
import type { Peer } from './peer.ts';
import { shortenCommand } from '../spec/shorten-command.ts';
import { longWaitMs, type ServedPool, servePool } from './served-pool.ts';
import type { Rights } from '../host/rights.ts';
import type { Sessions, TakenSession } from './sessions.ts';

/** Who may lease what, and how much of it. */
export interface LeaseRules {
  /** Throws `not-permitted` if the peer may not use the template or the engine. */
  readonly checkAccess: (peer: Peer, template: string, engine: string) => void;
  /** The directories for cgroups with these limits. Throws `not-permitted` for limits above the user's ceilings, and `cannot-enforce`. */
  readonly checkLimits: (peer: Peer, limits: Limits) => readonly string[];
  /**
   * Counts a user's request. `waits`: there is no clone for it yet; `given`: it has one; `end`: it or its lease is over. This function
   * and `waits` throw `quota-exceeded`.
   */
  readonly takeQuota: (uid: number) => { readonly waits: () => void; readonly given: () => void; readonly end: () => void };
}

export interface LeasesOptions {
  readonly sessions: Pick<Sessions, 'checkQuota' | 'keep' | 'enter'>;
  /** Whether the settings set the number of fresh clones of the template; absent: never. */
  readonly isCountSet?: (template: string) => boolean;
  readonly rules: LeaseRules;
  readonly watch: LeaseWatch;
}

export interface Leases {
  /**
   * Throws `not-permitted` and `bad-name` as `lease` does, and records it. To be called before anything about the template is looked at.
   */
  readonly checkAccess: (request: Pick<LeaseRequest, 'template' | 'peer' | 'engine'>) => void;
  /**
   * Leases a clone to the peer alone. Users who wait for clones of a template are served in turn, and each user's requests in order.
   * Throws `not-permitted`, `quota-exceeded`, `no-free-clone`, `aborted`, `template-missing`, and the error of a template that cannot be
   * opened.
   */
  readonly lease: (request: LeaseRequest) => Promise<DaemonLease>;
  /** Whether the daemon maintains a pool of the template. */
  readonly serves: (template: string) => boolean;
  /** Whether a connection has the clone now. */
  readonly holds: (template: string, id: string) => boolean;
  /** Starts serving a pool; `ring` is called when it has work. */
  readonly add: (pool: PoolFiles, ring: (urgent: boolean) => void, makeOwn: MakeOwnClone) => ServedPool;
  /** Stops serving it: waiting requests are refused, leases go on. */
  readonly remove: (template: string) => void;
}

/** A clone for a lease, and how it is given back. */
type Got = Pick<TakenSession, 'taken' | 'giveBack'> & Partial<Pick<TakenSession, 'name'>>;

interface Served extends ServedPool {
  readonly makeOwn: MakeOwnClone;
}

/** Hands out the clones of all pools that are served. */
export function createLeases({ isCountSet, rules, watch, sessions }: LeasesOptions): Leases {
  const pools = new Map<string, Served>();
  const active = new Set<string>();

  async function obtain(request: LeaseRequest, startMs: number): Promise<DaemonLease> {
    const { template, peer, engine } = request;
    rules.checkAccess(peer, template, engine);
    const { holder } = peer;
    if (holder === null) throw cannotHold(peer);
    const { wanted } = request;
    const groupsIn = request.limits === undefined ? [] : rules.checkLimits(peer, request.limits);
    const served = pools.get(template);
    if (served === undefined && wanted?.kind !== 'enter') throw noPool(template);
    if (wanted?.kind === 'keep') sessions.checkQuota(peer.uid);
    const { waits, given, end: countOff } = rules.takeQuota(peer.uid);
    let got: Got;
    try {
      got = wanted?.kind === 'enter' ? await sessions.enter(wanted, holder, request) : await takeFresh(request, holder, waits);
    } catch (error) {
      countOff();
      throw error;
    }
    given();
    const waitedMs = performance.now() - startMs;
    const places = groupsIn.length === 0 ? {} : { groupsIn };
    const named = got.name === undefined ? {} : { session: got.name };
    const begun = { ...request, ...places, ...named, taken: got.taken, waitedMs, countOff };
    return beginLease({ ...begun, giveBack: got.giveBack }, { active, watch });
  }

  /** A clone of the pool, which becomes a session if the client wants that. */
  async function takeFresh(request: LeaseRequest, holder: HolderId, onWait: () => void): Promise<Got> {
    const { template, peer, waitMs, signal, wanted } = request;
    const served = pools.get(template);
    if (served === undefined) throw noPool(template);
    const advice = adviseOnCount(template, peer.rights, isCountSet?.(template) === true);
    const onLongWait = (making: number): void => request.onLongWait?.(describeWait(template, making));
    const fresh = await served.take({ uid: peer.uid, holder, waitMs, signal, advice, onWait, onLongWait });
    const taken = await suit(fresh, served, request, holder);
    const giveBack = (): void => served.giveBack(taken);
    if (wanted?.kind !== 'keep') return { taken, giveBack };
    return await sessions.keep(taken, wanted.keeping, request).catch((error: unknown) => {
      giveBack();
      throw error;
    });
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
      const request = { ...rest, command: shortenCommand(command) };
      try {
        return await obtain(request, startMs);
      } catch (error) {
        const { peer, template, engine } = request;
        watch.onRefused({ peer, template, engine, waitedMs: performance.now() - startMs, error });
        throw error;
      }
    },
    serves: (template) => pools.has(template),
    holds: (template, id) => active.has(keyOf({ template, id })),
    add: (pool, ring, makeOwn) => {
      const served = servePool(pool, ring, noFreeClone);
      pools.set(pool.template, { ...served, makeOwn });
      return served;
    },
    remove: (template) => {
      pools.get(template)?.end(new IsolateError('template-missing', `The daemon no longer maintains a pool of ${template}.`));
      pools.delete(template);
    },
  };
}

/** The clone that was taken or, if its files need other owners for the peer, one that has them. */
async function suit(taken: Taken, served: Served, { template, peer, signal, onLongWait }: LeaseRequest, holder: HolderId): Promise<Taken> {
  const tell = setTimeout(() => onLongWait?.(`giving the files of ${template} your ids, once for this snapshot`), longWaitMs);
  let isSuitable = false;
  try {
    const owners = ownersFor(taken.rootfs, peer);
    isSuitable = owners === null;
    if (owners === null) return taken;
    const own = await served.makeOwn(holder, owners);
    if (!signal.aborted) return own;
    served.giveBack(own);
    throw new IsolateError('aborted', 'The client is gone.');
  } finally {
    clearTimeout(tell);
    if (!isSuitable) served.putBack(taken);
  }
}

/** Undefined: a refresh sets the number. */
function adviseOnCount(template: string, rights: Rights, isSet: boolean): string | undefined {
  if (rights === 'user') return 'root can keep more of its clones fresh';
  return isSet ? `raise count in ${configPath}, below [templates."${template}"]` : undefined;
}

function noPool(template: string): IsolateError {
  return new IsolateError('template-missing', `The daemon maintains no pool of ${template}.`);
}

function cannotHold({ pid, absence }: Peer): IsolateError {
  if (absence === 'ended') return new IsolateError('not-permitted', `Process ${pid} has ended, so it cannot hold a lease.`);
  const who = pid === 0 ? 'A process that the daemon cannot see' : `Process ${pid}`;
  return new IsolateError('not-permitted', `${who} cannot hold a lease: it is not in the daemon's pid namespace.`, {
    hint: 'run isolate outside the container, or use -t DIR',
  });
}
