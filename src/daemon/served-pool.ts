import { join } from 'node:path';

import type { Rootfs } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import type { HolderId } from '../pool/holder.ts';
import { countMaking } from '../pool/lease/make-clones.ts';
import { hasMountId, isStillMounted } from '../pool/state/in-place.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { type CloneState, formatLeaseName, isCloneId } from '../pool/state/state-file.ts';
import { readCloneState, retireLeased, takeFresh } from '../pool/state/transition.ts';
import { checkAhead, type CheckedClone } from './check-ahead.ts';
import { createPatience } from './patience.ts';
import { createRounds } from './rounds.ts';

/** A clone that was handed out; `pool` names its holder. */
export interface Taken {
  readonly id: string;
  readonly rootfs: Rootfs;
  /** As in `DaemonLease`. */
  readonly isChecked: boolean;
  readonly pool: PoolFiles;
}

export interface TakeRequest {
  readonly uid: number;
  readonly holder: HolderId;
  /** How long to wait; longer while clones are being made. 0: not at all. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Called once before waiting begins; what it throws ends the request. */
  readonly onWait?: () => void;
  /** Called once when it has waited for a second, with the number of clones that are being made. */
  readonly onLongWait?: ((making: number) => void) | undefined;
  /** What helps where there are too few clones; absent: nothing is known. */
  readonly advice?: string | undefined;
}

/** The clones of one template, handed out to users in turn, and to each in the order of its requests. */
export interface ServedPool {
  readonly pool: PoolFiles;
  /** Throws `no-free-clone`, `aborted`, and what `fail` said. */
  readonly take: (request: TakeRequest) => Promise<Taken>;
  /** Retires a clone that was taken. */
  readonly giveBack: (taken: Taken) => void;
  /** These were made. */
  readonly add: (ids: readonly string[]) => void;
  /** Looks for clones that others made. */
  readonly reread: () => void;
  /** No clone will come until `recover`: whoever waits, and whoever comes, is told why. */
  readonly fail: (error: IsolateError) => void;
  readonly recover: () => void;
  /** For good. */
  readonly end: (error: IsolateError) => void;
  readonly waiting: () => number;
  /** How many clones are thought to be fresh. */
  readonly fresh: () => number;
}

/** Whoever waits longer is told what for. */
const longWaitMs = 1_000;

/** Serves a pool. `ring` is called with true when somebody waits, else when a clone left the fresh ones or is to be destroyed. */
export function servePool(
  pool: PoolFiles,
  ring: (urgent: boolean) => void,
  noFreeClone: (pool: PoolFiles, waitMs: number, advice?: string) => IsolateError,
): ServedPool {
  const waiters = createRounds<Waiter>();
  const ahead = checkAhead(pool);
  const patience = createPatience(() => countMaking(pool) > 0);
  // The directory is read only when this runs out, so a lease costs the same however many clones there are.
  let ids: string[] = [];
  let next = 0;
  let failure: IsolateError | null = null;

  function reread(): void {
    ids = readDirectory(pool.paths.fresh).filter(isCloneId);
    next = 0;
    ahead.look(ids);
  }

  function takeNow(holder: HolderId): Taken | null {
    const own = { ...pool, holder };
    if (next === ids.length) reread();
    while (next < ids.length) {
      const id = ids[next] ?? '';
      next += 1;
      const taken = takeOne(own, id, ahead.take(id));
      if (taken !== null) return taken;
      // Others lease and retire here too.
      if (next === ids.length) reread();
    }
    return null;
  }

  function serve(): void {
    for (let waiter = waiters.peek(); waiter !== undefined; waiter = waiters.peek()) {
      let taken: Taken | null;
      try {
        taken = takeNow(waiter.holder);
      } catch (error) {
        waiter.reject(error as Error);
        continue;
      }
      if (taken === null) return ring(true);
      waiters.shift();
      waiter.resolve(taken);
    }
  }

  function refuseAll(error: IsolateError): void {
    for (const waiter of waiters.all()) waiter.reject(error);
  }

  function wait({ uid, holder, waitMs, signal, advice, onLongWait }: TakeRequest): Promise<Taken> {
    return new Promise((resolve, reject) => {
      const tell = setTimeout(() => onLongWait?.(countMaking(pool)), longWaitMs);
      const withdraw = patience.expect(waitMs, (waitedMs) => waiter.reject(noFreeClone(pool, waitedMs, advice)));
      const onAbort = (): void => waiter.reject(new IsolateError('aborted', 'The wait for a clone was cancelled.'));
      const leave = (): void => {
        waiters.remove(uid, waiter);
        clearTimeout(tell);
        withdraw();
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        holder,
        resolve: (taken) => {
          leave();
          resolve(taken);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      waiters.push(uid, waiter);
      signal.addEventListener('abort', onAbort);
    });
  }

  return {
    pool,
    take: async (request) => {
      if (request.signal.aborted) throw new IsolateError('aborted', 'The wait for a clone was cancelled.');
      const taken = waiters.size() === 0 ? takeNow(request.holder) : null;
      if (taken !== null) {
        ring(false);
        return taken;
      }
      if (failure !== null) throw failure;
      ring(true);
      if (request.waitMs === 0) throw noFreeClone(pool, 0, request.advice);
      request.onWait?.();
      return await wait(request);
    },
    giveBack: ({ id, pool: own }) => {
      retireLeased(own, id, formatLeaseName(id, own.holder));
      ring(waiters.size() > 0);
    },
    add: (made) => {
      if (made.length > 0) patience.goesOn();
      ids = [...ids.slice(next), ...made];
      next = 0;
      ahead.look(ids);
      serve();
    },
    reread: () => {
      reread();
      serve();
    },
    fail: (error) => {
      failure = error;
      refuseAll(error);
    },
    recover: () => {
      failure = null;
    },
    end: (error) => {
      ahead.end();
      failure = error;
      refuseAll(error);
    },
    waiting: waiters.size,
    fresh: () => ids.length - next,
  };
}

interface Waiter {
  readonly holder: HolderId;
  readonly resolve: (taken: Taken) => void;
  readonly reject: (error: Error) => void;
}

/** Null: another was quicker, or the clone is of no use and was retired. */
function takeOne(pool: PoolFiles, id: string, checked: CheckedClone | null): Taken | null {
  if (!takeFresh(pool, id)) return null;
  const leaseName = formatLeaseName(id, pool.holder);
  const state = readCloneState(join(pool.paths.leased, leaseName), id);
  if (state !== null && isThere(state, checked)) return { id, rootfs: state.rootfs, isChecked: checked !== null, pool };
  const why = state === null ? 'its state file cannot be trusted' : 'it is no longer mounted';
  pool.warn(`Clone ${id} of ${pool.template} was retired unused: ${why}.`);
  retireLeased(pool, id, leaseName);
  return null;
}

/** The mount that was seen before is soon found again, however many there are. */
function isThere(state: CloneState, checked: CheckedClone | null): boolean {
  const { mountId } = checked ?? { mountId: null };
  return (mountId !== null && hasMountId(state.rootfs.path, mountId)) || isStillMounted(state);
}
