import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../error.ts';
import type { Pool } from './pool.ts';
import { refresh } from './refresh.ts';
import type { RefreshProgress, RefreshReport } from './refresh.ts';
import { readSignal } from './signal-file.ts';

/** A pool to keep at its size; `count` as in `RefreshOptions`. */
export interface WatchedPool {
  readonly pool: Pool;
  readonly count?: number;
}

export interface WatchOptions {
  readonly onReport?: (report: RefreshReport) => void;
  /** A refresh that could not be done; it is tried again. */
  readonly onFailure?: (error: IsolateError) => void;
  readonly onProgress?: (progress: RefreshProgress) => void;
  /** Called once when signals are seen from now on. */
  readonly onReady?: () => void;
  readonly signal?: AbortSignal;
}

/** Runs that end together are served together. */
const debounceMs = 20;
/** Without any signal each pool is looked after this often: a run that was killed gives none. */
const idleMs = 60_000;
const failurePauseMs = 2_000;

/**
 * Refreshes each pool now, whenever its signal file is written, and while retired clones wait for their next attempt,
 * until `signal` is aborted; then it returns after what is being made is made. A signal that comes while a refresh runs
 * is served after it.
 */
export async function watchPools(pools: readonly WatchedPool[], options: WatchOptions = {}): Promise<void> {
  const bells = new Map(pools.map(({ pool }) => [pool.paths.key, makeBell()]));
  const directories = [...new Set(pools.map(({ pool }) => pool.runtime.signals))];
  const { watch } = await import('chokidar');
  const watcher = watch(directories, { depth: 0, ignoreInitial: true });
  const ready = new Promise<void>((resolve) => watcher.once('ready', resolve));
  watcher.on('all', (_, path) => bells.get(basename(path))?.ring());
  watcher.on('error', (error) => {
    options.onFailure?.(new IsolateError('state-unreadable', 'The signal directory cannot be watched.', { cause: error }));
  });
  const stop = (): void => bells.forEach((bell) => bell.ring());
  options.signal?.addEventListener('abort', stop);
  try {
    await ready;
    options.onReady?.();
    await Promise.all(pools.map((watched) => serve(watched, bells.get(watched.pool.paths.key) ?? makeBell(), options)));
  } finally {
    options.signal?.removeEventListener('abort', stop);
    await watcher.close();
  }
}

async function serve({ pool, count }: WatchedPool, bell: Bell, options: WatchOptions): Promise<void> {
  const goesOn = (): boolean => options.signal?.aborted !== true;
  while (goesOn()) {
    const seen = readSignal(pool);
    const pauseMs = await refreshQuietly(pool, count, options);
    // Events may be lost, what the file says is not.
    if (readSignal(pool) !== seen) continue;
    await bell.wait(pauseMs);
    if (goesOn()) await sleep(debounceMs);
  }
}

/** One refresh whose failure is reported, not thrown; how long to wait after it when nobody signals. */
async function refreshQuietly(pool: Pool, count: number | undefined, options: WatchOptions): Promise<number> {
  const { onProgress, signal } = options;
  try {
    const report = await refresh(pool, {
      ...(count === undefined ? {} : { count }),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    });
    options.onReport?.(report);
    const nextAttemptMs = Math.min(...report.busy.map((busy) => busy.nextAttemptMs));
    return Math.min(Math.max(nextAttemptMs - pool.clock(), 0), idleMs);
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    if (error.code !== 'aborted') options.onFailure?.(error);
    return failurePauseMs;
  }
}

/** A bell that was rung while nobody waited is heard by the next who waits. */
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
