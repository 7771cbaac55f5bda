import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../error.ts';
import type { Pool } from '../pool/pool.ts';
import { readSignal } from '../pool/state/signal-file.ts';
import { toSystemFailure } from '../process/system-error.ts';
import { refresh } from './refresh.ts';
import type { RefreshOptions } from './refresh-options.ts';
import type { RefreshReport } from './report.ts';

export interface MaintainOptions {
  /** What the next refresh should do, called right before it. */
  readonly plan: () => Pick<
    RefreshOptions,
    'count' | 'skipCreate' | 'skipHolders' | 'onProgress' | 'onListed' | 'onFresh' | 'onRetired' | 'onDestroyed' | 'waiting'
  >;
  readonly onReport?: ((report: RefreshReport) => void) | undefined;
  /** A failed refresh, which is tried again. */
  readonly onFailure?: ((error: IsolateError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Maintained {
  /** There is work; it is done after the current refresh. */
  readonly ring: () => void;
  /** Settles after `signal` was aborted and clones being made are finished. */
  readonly done: Promise<void>;
}

/** Runs that end at about the same time are handled together. */
const debounceMs = 20;
/** How often each pool is refreshed without a signal, because a killed run gives none. */
const idleMs = 60_000;
const failurePauseMs = 2_000;
/** A pool that keeps failing is tried at growing intervals, of at most this length. */
const longestFailurePauseMs = 30_000;
/** After a failure while somebody waits for a clone. */
const awaitedPauseMs = 250;

/** Refreshes a pool now, whenever the bell rings, and while retired clones wait for their next attempt. */
export function maintainPool(pool: Pool, options: MaintainOptions): Maintained {
  const bell = makeBell();
  const { signal } = options;
  signal?.addEventListener('abort', bell.ring);
  const done = maintain(pool, bell, options).finally(() => signal?.removeEventListener('abort', bell.ring));
  return { ring: bell.ring, done };
}

async function maintain(pool: Pool, bell: Bell, options: MaintainOptions): Promise<void> {
  const goesOn = (): boolean => options.signal?.aborted !== true;
  let failures = 0;
  while (goesOn()) {
    const seen = readSignal(pool);
    const doneMs = await refreshQuietly(pool, options);
    failures = doneMs === null ? failures + 1 : 0;
    const pauseMs = doneMs ?? Math.min(failurePauseMs * 2 ** (failures - 1), longestFailurePauseMs);
    // Events may be lost, but not the content of the file.
    if (readSignal(pool) !== seen) continue;
    await bell.wait(pauseMs);
    if (goesOn() && !isAwaited(options)) await sleep(debounceMs);
  }
}

/**
 * Runs one refresh, and reports a failure instead of throwing it. Returns how long to wait for a signal after it; null after a failure.
 */
async function refreshQuietly(pool: Pool, options: MaintainOptions): Promise<number | null> {
  const { plan, onReport, onFailure, signal } = options;
  try {
    const report = await refresh(pool, { ...plan(), ...(signal === undefined ? {} : { signal }) });
    onReport?.(report);
    if (report.failed.length > 0) return isAwaited(options) ? awaitedPauseMs : failurePauseMs;
    const nextAttemptMs = Math.min(...report.busy.map((busy) => busy.nextAttemptMs));
    return Math.min(Math.max(nextAttemptMs - pool.clock(), 0), idleMs);
  } catch (error) {
    const failure = error instanceof IsolateError ? error : toSystemFailure(error);
    if (failure === null) throw error;
    if (failure.code !== 'aborted') onFailure?.(failure);
    return null;
  }
}

/** Whether somebody waits for a clone. */
function isAwaited({ plan }: MaintainOptions): boolean {
  return (plan().waiting?.() ?? 0) > 0;
}

/** If the bell rings while nobody waits, the next wait ends at once. */
interface Bell {
  readonly ring: () => void;
  readonly wait: (timeoutMs: number) => Promise<void>;
}

function makeBell(): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async (timeoutMs) => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = null;
      }
      rung = false;
    },
  };
}
