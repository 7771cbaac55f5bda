import { rmSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import { type Lock, lockHolders, type LockWait, waitForLock } from '../pool/claims/lock.ts';
import { removeEmptyPool } from '../pool/directories.ts';
import { makePoolDirectories, type Pool } from '../pool/pool.ts';
import { readMemory, writeMemory } from '../pool/state/memory.ts';
import { readSignal } from '../pool/state/signal-file.ts';
import { maximumCount } from '../spec/parse-number.ts';
import { refreshOnce } from './refresh-once.ts';
import type { RefreshOptions } from './refresh-options.ts';
import { type RefreshReport, reportOn } from './report.ts';
import { emptyTally, type RefreshTally, rememberTally } from './tally.ts';

const defaultCount = 10;
/** Signals keep coming while runs end. Each pass handles all so far; after this many, the next refresh handles the rest. */
const mostPasses = 20;

/**
 * Brings the pool to its size: puts every clone in exactly one state, destroys retired clones, makes missing ones. Idempotent and safe to
 * interrupt at any point; work that comes up while it runs is done before it returns. Throws `pool-locked`, `aborted`, and the storage's
 * error if nothing can be done at all; problems of single clones are in the report.
 */
export async function refresh(pool: Pool, options: RefreshOptions = {}): Promise<RefreshReport> {
  const startMs = performance.now();
  checkCount(options.count);
  const tally = emptyTally();
  const lock = await lockPool(pool, options);
  let done: RefreshReport;
  try {
    pool.checkpoint('refresh:locked');
    const count = rememberCount(pool, options.count);
    if (options.skipCreate !== true) rmSync(pool.paths.told, { force: true });
    await refreshUntilQuiet(pool, lock, options, count, tally);
    rememberTally(pool, tally, null, performance.now() - startMs);
    done = reportOn(pool, count, tally, performance.now() - startMs);
  } catch (error) {
    rememberTally(pool, tally, error, performance.now() - startMs);
    throw error;
  } finally {
    await lock.release();
  }
  // Directories that others use stay.
  if (done.gone && done.leased === 0) removeEmptyPool(pool.paths);
  return done;
}

async function lockPool(pool: Pool, options: RefreshOptions): Promise<Lock> {
  const { paths, holder, template } = pool;
  const { lockWaitMs = 60_000, signal, onWaiting } = options;
  const other = (pids: readonly number[]): string =>
    `another refresh of ${template}${pids.length === 0 ? '' : ` (process ${pids.join(', ')})`}`;
  const onSlow = (pids: readonly number[]): void => onWaiting?.(`waiting for ${other(pids)}`);
  try {
    return await lockWithDirectories(pool, { waitMs: lockWaitMs, signal, onSlow });
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'pool-locked') throw error;
    const whose = other(lockHolders(paths.lock, holder.bootId));
    throw new IsolateError('pool-locked', `${whose[0]?.toUpperCase()}${whose.slice(1)} did not end within ${lockWaitMs / 1000} s.`, {
      hint: 'isolate status shows its progress; try again when it has ended',
    });
  }
}

/** A long-lived process opened the pool long ago, and another refresh removes the directories of a pool that it has emptied. */
async function lockWithDirectories(pool: Pool, options: LockWait): Promise<Lock> {
  for (;;) {
    makePoolDirectories(pool);
    try {
      return await waitForLock(pool.paths.lock, pool.holder, options);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  const { code } = ((error instanceof IsolateError ? error.cause : error) ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOENT';
}

async function refreshUntilQuiet(pool: Pool, lock: Lock, options: RefreshOptions, count: number, tally: RefreshTally): Promise<void> {
  for (let passes = 1; ; passes += 1) {
    const signalBefore = readSignal(pool);
    await refreshOnce(pool, lock, { ...options, force: options.force === true && passes === 1 }, count, tally);
    pool.checkpoint('refresh:pass-done');
    if (readSignal(pool) === signalBefore || passes === mostPasses) return;
  }
}

function rememberCount(pool: Pool, count: number | undefined): number {
  // On such storage the runs make their clones themselves.
  if (!pool.driver.capabilities.pooled) return 0;
  const memory = readMemory(pool);
  if (count === undefined || count === memory.count) return memory.count ?? defaultCount;
  writeMemory(pool, { ...memory, count });
  return count;
}

function checkCount(count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= maximumCount)) return;
  throw new IsolateError('usage', `A pool has 0 to ${maximumCount} clones, not ${count}.`);
}
