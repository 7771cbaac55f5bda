import type { ErrorCode } from '../error.ts';
import type { Outcome } from '../launch/outcome.ts';
import { brokerGone } from './gone.ts';

/** How a lease ended. `closed`: the client went without saying; `left`: its broker did, and the next daemon looks after it. */
export type LeaseOutcome = Outcome | { readonly kind: 'failed'; readonly code: ErrorCode | null } | { readonly kind: 'closed' | 'left' };

/** What a client has to itself until its connection ends. */
export interface Held {
  /** How it ended, when it has. */
  readonly ended: Promise<LeaseOutcome>;
  /**
   * Calls `action` at the end, whatever brings it, or at once if it has come; those added first come first. `runsOn`: the client
   * may live on, and use what it has.
   */
  readonly defer: (action: (runsOn: boolean) => void) => void;
  /** The client is told of what it has now, and may use it even if its broker goes. */
  readonly send: () => void;
  /** What the client said of the end, should it come without more. */
  readonly note: (outcome: LeaseOutcome) => void;
  /** Ends it; the second time it does nothing. */
  readonly release: (outcome?: LeaseOutcome) => void;
}

export interface HoldOptions {
  /** `Connection.closed`. */
  readonly signal: AbortSignal;
  /** Told what could not be given back: a refresh does it when the holder is dead. */
  readonly warn: (message: string) => void;
  /** Called once, when everything was given back. */
  readonly onEnded?: (outcome: LeaseOutcome) => void;
}

/** Holds what is deferred to it until the end of a connection. */
export function holdFor({ signal, warn, onEnded }: HoldOptions): Held {
  const { promise: ended, resolve } = Promise.withResolvers<LeaseOutcome>();
  const deferred: ((runsOn: boolean) => void)[] = [];
  let noted: LeaseOutcome | null = null;
  let isSent = false;
  let endedWith: { readonly runsOn: boolean } | null = null;

  function attempt(action: (runsOn: boolean) => void, runsOn: boolean): void {
    try {
      action(runsOn);
    } catch (error) {
      warn((error as Error).message);
    }
  }

  function end(outcome: LeaseOutcome, runsOn: boolean): void {
    if (endedWith !== null) return;
    endedWith = { runsOn };
    signal.removeEventListener('abort', onGone);
    for (const action of deferred.splice(0)) attempt(action, runsOn);
    onEnded?.(outcome);
    resolve(outcome);
  }

  function onGone(): void {
    // A client that lost its broker may run on; what it has is given back when its process ends.
    if (signal.reason === brokerGone && isSent) end({ kind: 'left' }, true);
    else end(noted ?? { kind: 'closed' }, false);
  }

  if (signal.aborted) onGone();
  else signal.addEventListener('abort', onGone);
  return {
    ended,
    defer: (action) => {
      if (endedWith === null) deferred.push(action);
      else attempt(action, endedWith.runsOn);
    },
    send: () => {
      isSent = true;
    },
    note: (outcome) => {
      noted ??= outcome;
    },
    release: (outcome) => end(outcome ?? noted ?? { kind: 'closed' }, false),
  };
}
