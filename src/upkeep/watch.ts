import { basename } from 'node:path';
import { IsolateError } from '../error.ts';
import { makeClaim } from '../pool/claims/claims.ts';
import { maintainPool } from './maintain.ts';
import type { Pool } from '../pool/pool.ts';
import type { RefreshProgress, RefreshReport } from './report.ts';

/** A pool to maintain; `count` as in `RefreshOptions`. */
export interface WatchedPool {
  readonly pool: Pool;
  readonly count?: number;
}

export interface WatchOptions {
  readonly onReport?: (report: RefreshReport) => void;
  /** Called for a failed refresh, which is tried again. */
  readonly onFailure?: (error: IsolateError) => void;
  readonly onProgress?: (progress: RefreshProgress) => void;
  /** Called once, when signals are noticed from now on. */
  readonly onReady?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * Refreshes each pool now, whenever its signal file is written, and while retired clones wait for their next attempt, until `signal` is
 * aborted; it then returns when clones being made are finished. A signal that comes during a refresh is handled after it.
 */
export async function watchPools(pools: readonly WatchedPool[], options: WatchOptions = {}): Promise<void> {
  const rings = new Map<string, () => void>();
  const early = new Set<string>();
  const directories = [...new Set(pools.map(({ pool }) => pool.runtime.signals))];
  const { onProgress, onReport, onFailure, signal } = options;
  const watcher = await watchSignals(directories, (key) => (rings.get(key) ?? (() => early.add(key)))(), onFailure);
  try {
    options.onReady?.();
    const all = pools.map(({ pool, count }) => {
      makeClaim(pool, 'watching');
      const plan = { ...(count === undefined ? {} : { count }), ...(onProgress === undefined ? {} : { onProgress }) };
      const maintained = maintainPool(pool, { plan: () => plan, onReport, onFailure, signal });
      rings.set(pool.paths.key, maintained.ring);
      if (early.has(pool.paths.key)) maintained.ring();
      return maintained.done;
    });
    await Promise.all(all);
  } finally {
    await watcher.close();
  }
}

/** Calls `onSignal` with the key of each pool whose signal file is written, from when it returns until it is closed. */
export async function watchSignals(
  directories: readonly string[],
  onSignal: (key: string) => void,
  onFailure?: (error: IsolateError) => void,
): Promise<{ readonly close: () => Promise<void> }> {
  const { watch } = await import('chokidar');
  const watcher = watch([...directories], { depth: 0, ignoreInitial: true });
  const ready = new Promise<void>((resolve) => watcher.once('ready', resolve));
  watcher.on('all', (_, path) => onSignal(basename(path)));
  watcher.on('error', (error) => {
    onFailure?.(new IsolateError('state-unreadable', 'The signal directory cannot be watched.', { cause: error }));
  });
  await ready;
  return { close: () => watcher.close() };
}
