import { IsolateError } from '../error.ts';
import type { HolderId } from '../pool/holder.ts';
import { countMaking } from '../pool/lease/make-clones.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { formatLeaseName } from '../pool/state/state-file.ts';
import { putBack, retireLeased } from '../pool/state/transition.ts';
import { addFresh, countFresh, type FreshClones, openFresh, rereadFresh, type Taken, takeKnown } from './fresh-clones.ts';
import { createPatience, type Patience } from './patience.ts';
import { createRounds, type Rounds } from './rounds.ts';

export interface TakeRequest {
  readonly uid: number;
  readonly holder: HolderId;
  /** How long to wait; longer while clones are being made. 0: not at all. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Called once before waiting begins; an error that it throws ends the request. */
  readonly onWait?: () => void;
  /** Called once when it has waited for a second, with the number of clones that are being made. */
  readonly onLongWait?: ((making: number) => void) | undefined;
  /** A hint for the case of too few clones; absent: none is known. */
  readonly advice?: string | undefined;
}

/** The clones of one template, handed out to users in turn, and to each in the order of its requests. */
export interface ServedPool {
  readonly pool: PoolFiles;
  /** Throws `no-free-clone`, `aborted`, and what `fail` said. */
  readonly take: (request: TakeRequest) => Promise<Taken>;
  /** A clone that was taken is fresh again. */
  readonly putBack: (taken: Taken) => void;
  /** Retires a clone that was taken. */
  readonly giveBack: (taken: Taken) => void;
  /** These were made. */
  readonly add: (ids: readonly string[]) => void;
  /** Looks for clones that others made. */
  readonly reread: () => void;
  /** No clone will come until `recover`: waiting and new requests are told why. */
  readonly fail: (error: IsolateError) => void;
  readonly recover: () => void;
  /** For good. */
  readonly end: (error: IsolateError) => void;
  readonly waiting: () => number;
  /** How many clones are believed to be fresh. */
  readonly fresh: () => number;
}

type NoFreeClone = (pool: PoolFiles, waitMs: number, advice?: string) => IsolateError;

interface Waiter {
  readonly holder: HolderId;
  readonly resolve: (taken: Taken) => void;
  readonly reject: (error: Error) => void;
}

interface Serving {
  readonly pool: PoolFiles;
  readonly ring: (urgent: boolean) => void;
  readonly noFreeClone: NoFreeClone;
  readonly fresh: FreshClones;
  readonly waiters: Rounds<Waiter>;
  readonly patience: Patience;
  /** Why no clone will come; null: clones may come. */
  failure: IsolateError | null;
}

/** A client that waits longer is told what for. */
export const longWaitMs = 1_000;

/** Serves a pool. `ring` is called with true when somebody waits, and with false when a clone was taken or is to be destroyed. */
export function servePool(pool: PoolFiles, ring: (urgent: boolean) => void, noFreeClone: NoFreeClone): ServedPool {
  const patience = createPatience(() => countMaking(pool) > 0);
  const serving: Serving = { pool, ring, noFreeClone, fresh: openFresh(pool), waiters: createRounds(), patience, failure: null };
  return {
    pool,
    take: (request) => take(serving, request),
    putBack: ({ id, pool: own }) => {
      putBack(own, id);
      addFresh(serving.fresh, [id]);
      serveWaiters(serving);
    },
    giveBack: ({ id, pool: own }) => {
      retireLeased(own, id, formatLeaseName(id, own.holder));
      ring(serving.waiters.size() > 0);
    },
    add: (made) => {
      if (made.length > 0) patience.goesOn();
      addFresh(serving.fresh, made);
      serveWaiters(serving);
    },
    reread: () => {
      rereadFresh(serving.fresh);
      serveWaiters(serving);
    },
    fail: (error) => fail(serving, error),
    recover: () => {
      serving.failure = null;
    },
    end: (error) => {
      serving.fresh.ahead.end();
      fail(serving, error);
    },
    waiting: serving.waiters.size,
    fresh: () => countFresh(serving.fresh),
  };
}

async function take(serving: Serving, request: TakeRequest): Promise<Taken> {
  const { pool, ring, waiters, fresh } = serving;
  await openForUse(pool);
  if (request.signal.aborted) throw cancelled();
  const taken = waiters.size() === 0 ? takeKnown(fresh, request.holder) : null;
  if (taken !== null) {
    ring(false);
    return taken;
  }
  if (serving.failure !== null) throw serving.failure;
  ring(true);
  if (request.waitMs === 0) throw serving.noFreeClone(pool, 0, request.advice);
  request.onWait?.();
  return await wait(serving, request);
}

function wait({ pool, waiters, patience, noFreeClone }: Serving, request: TakeRequest): Promise<Taken> {
  const { uid, holder, waitMs, signal, advice, onLongWait } = request;
  return new Promise((resolve, reject) => {
    const tell = setTimeout(() => onLongWait?.(countMaking(pool)), longWaitMs);
    const withdraw = patience.expect(waitMs, (waitedMs) => waiter.reject(noFreeClone(pool, waitedMs, advice)));
    const onAbort = (): void => waiter.reject(cancelled());
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

/** What keeps it shut is told by the refresh. */
async function openForUse({ shelf }: PoolFiles): Promise<void> {
  if (!shelf.isOpen()) await shelf.open().catch(() => undefined);
}

function serveWaiters(serving: Serving): void {
  const { pool, waiters, fresh, ring } = serving;
  if (!pool.shelf.isOpen() && waiters.size() > 0) return void openForUse(pool).then(() => ring(true));
  for (let waiter = waiters.peek(); waiter !== undefined; waiter = waiters.peek()) {
    let taken: Taken | null;
    try {
      taken = takeKnown(fresh, waiter.holder);
    } catch (error) {
      waiter.reject(error as Error);
      continue;
    }
    if (taken === null) return ring(true);
    waiters.shift();
    waiter.resolve(taken);
  }
}

function fail(serving: Serving, error: IsolateError): void {
  serving.failure = error;
  for (const waiter of serving.waiters.all()) waiter.reject(error);
}

function cancelled(): IsolateError {
  return new IsolateError('aborted', 'The wait for a clone was cancelled.');
}
