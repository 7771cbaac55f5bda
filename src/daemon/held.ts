import type { ErrorCode } from '../error.ts';
import type { Outcome } from '../launch/outcome.ts';
import { brokerGone } from './gone.ts';

/** How a lease ended. `closed`: the client disconnected without a word; `left`: the broker went, and the next daemon looks after it. */
export type LeaseOutcome = Outcome | { readonly kind: 'failed'; readonly code: ErrorCode | null } | { readonly kind: 'closed' | 'left' };

/** What a client holds until its connection ends. */
export interface Held {
  /** How it ended, when it has. */
  readonly ended: Promise<LeaseOutcome>;
  /**
   * Calls `action` at the end, whatever causes it, or at once if it has already come; actions run in the order in which they were added.
   * `runsOn`: the client may live on and use what it holds. `outcome`: how it ended.
   */
  readonly defer: (action: (runsOn: boolean, outcome: LeaseOutcome) => void) => void;
  /** The client now knows what it holds, and may use it even if its broker goes. */
  readonly send: () => void;
  /** What the client said about its end, used if the connection then just ends. */
  readonly note: (outcome: LeaseOutcome) => void;
  /** Ends it; a second call does nothing. */
  readonly release: (outcome?: LeaseOutcome) => void;
}

export interface HoldOptions {
  /** `Connection.closed`. */
  readonly signal: AbortSignal;
  /** Called with what could not be given back; a refresh does that when the holder is dead. */
  readonly warn: (message: string) => void;
  /** Called once, when everything has been given back. */
  readonly onEnded?: (outcome: LeaseOutcome) => void;
}

/** Runs the actions deferred to it at the end of a connection. */
export function holdFor({ signal, warn, onEnded }: HoldOptions): Held {
  const { promise: ended, resolve } = Promise.withResolvers<LeaseOutcome>();
  const deferred: Parameters<Held['defer']>[0][] = [];
  let noted: LeaseOutcome | null = null;
  let isSent = false;
  let endedWith: { readonly runsOn: boolean; readonly outcome: LeaseOutcome } | null = null;

  function attempt(action: Parameters<Held['defer']>[0], { runsOn, outcome }: NonNullable<typeof endedWith>): void {
    try {
      action(runsOn, outcome);
    } catch (error) {
      warn((error as Error).message);
    }
  }

  function end(outcome: LeaseOutcome, runsOn: boolean): void {
    if (endedWith !== null) return;
    endedWith = { runsOn, outcome };
    signal.removeEventListener('abort', onGone);
    for (const action of deferred.splice(0)) attempt(action, endedWith);
    onEnded?.(outcome);
    resolve(outcome);
  }

  function onGone(): void {
    // A client that lost its broker may go on running; what it holds is given back when its process ends.
    if (signal.reason === brokerGone && isSent) end({ kind: 'left' }, true);
    else end(noted ?? { kind: 'closed' }, false);
  }

  if (signal.aborted) onGone();
  else signal.addEventListener('abort', onGone);
  return {
    ended,
    defer: (action) => {
      if (endedWith === null) deferred.push(action);
      else attempt(action, endedWith);
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
