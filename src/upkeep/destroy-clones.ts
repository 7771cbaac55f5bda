import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CloneInfo, DestroyResult } from '../storage/driver.ts';
import { destroyUnheld } from '../pool/lease/destroy-unheld.ts';
import { withMountLock } from '../pool/lease/make-clones.ts';
import type { Pool } from '../pool/pool.ts';
import { readRetired } from '../pool/state/pool-state.ts';
import type { RefreshProgress } from './report.ts';
import type { RefreshTally } from './tally.ts';
import { formatRetiredRecord } from '../pool/state/state-file.ts';
import { writeWhole } from '../pool/state/transition.ts';

export interface DestroyControl {
  /** Throws if the refresh has to stop. */
  readonly goingOn: () => void;
  /** Makes clones for waiting runs, if there are any. */
  readonly serve: () => Promise<void>;
  /** Also try clones whose back-off is not over. */
  readonly force: boolean;
  /** Do not look for the holders of busy clones, which may take long. */
  readonly skipHolders: boolean;
  /** How many runs wait for a new clone. */
  readonly waiting: () => number;
  readonly onProgress: ((progress: RefreshProgress) => void) | undefined;
  readonly onDestroyed: ((durationMs: number) => void) | undefined;
}

const firstBackOffMs = 400;
const longestBackOffMs = 60_000;
/** A sandbox that is just ending holds its clone for a moment; a refresh keeps trying for this long. */
const patienceMs = 800;

/** Destroys clones in batches; one that cannot be destroyed stays retired and is tried again at growing intervals. */
export async function destroyClones(pool: Pool, clones: readonly CloneInfo[], tally: RefreshTally, control: DestroyControl): Promise<void> {
  const endMs = performance.now() + patienceMs;
  const progress = { done: 0, total: clones.length };
  let left = clones;
  for (;;) {
    await destroyDue(pool, left, tally, control, progress);
    left = left.filter(({ id }) => tally.busy.has(id));
    const nextMs = Math.min(...left.map(({ id }) => tally.busy.get(id)?.nextAttemptMs ?? Infinity));
    const pauseMs = Math.max(nextMs - pool.clock(), 1);
    if (left.length === 0 || performance.now() + pauseMs > endMs || control.waiting() > 0) return;
    await sleep(pauseMs);
  }
}

async function destroyDue(
  pool: Pool,
  clones: readonly CloneInfo[],
  tally: RefreshTally,
  control: DestroyControl,
  progress: { done: number; readonly total: number },
): Promise<void> {
  const backOff = new Map(readRetired(pool).map((entry) => [entry.id, entry]));
  const nowMs = pool.clock();
  const due: CloneInfo[] = [];
  for (const clone of clones) {
    const nextAttemptMs = backOff.get(clone.id)?.nextAttemptMs ?? 0;
    // A time further in the future than any back-off means that the clock was set back.
    if (control.force || nextAttemptMs <= nowMs || nextAttemptMs > nowMs + longestBackOffMs) due.push(clone);
    else tally.busy.set(clone.id, { id: clone.id, holders: await findHolders(pool, clone, control), nextAttemptMs });
  }
  const size = pool.driver.capabilities.batchDestroy ? 50 : 20;
  for (let start = 0; start < due.length; start += size) {
    control.goingOn();
    await control.serve();
    const batch = due.slice(start, start + size);
    pool.checkpoint('refresh:before-destroy');
    const startMs = performance.now();
    const results = await withMountLock(pool, () => destroyUnheld(pool, batch));
    control.onDestroyed?.(performance.now() - startMs);
    pool.checkpoint('refresh:destroyed');
    for (const result of results) {
      const clone = batch.find(({ id }) => id === result.id);
      if (clone !== undefined) await note(pool, clone, result, backOff.get(clone.id)?.attempts ?? 0, tally, control);
      if (result.outcome === 'gone') progress.done += 1;
    }
    control.onProgress?.({ step: 'destroy', done: progress.done, total: progress.total });
  }
}

async function note(
  pool: Pool,
  clone: CloneInfo,
  result: DestroyResult,
  attempts: number,
  tally: RefreshTally,
  control: DestroyControl,
): Promise<void> {
  const retired = join(pool.paths.retired, clone.id);
  tally.busy.delete(clone.id);
  tally.failed.delete(clone.id);
  if (result.outcome === 'gone') {
    rmSync(retired, { force: true });
    removeEmpty(join(pool.paths.mounts, clone.id));
    tally.gone.add(clone.id);
    return;
  }
  const nextAttemptMs = pool.clock() + Math.min(firstBackOffMs * 2 ** attempts, longestBackOffMs);
  writeWhole(pool, retired, formatRetiredRecord({ attempts: attempts + 1, nextAttemptMs }));
  if (result.outcome === 'busy')
    tally.busy.set(clone.id, { id: clone.id, holders: await findHolders(pool, clone, control), nextAttemptMs });
  else tally.failed.set(clone.id, { id: clone.id, error: result.error });
}

async function findHolders(
  pool: Pool,
  clone: CloneInfo,
  { skipHolders }: DestroyControl,
): Promise<Awaited<ReturnType<Pool['driver']['holders']>>> {
  if (skipHolders) return [];
  try {
    return await pool.driver.holders(clone);
  } catch {
    return [];
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It does not exist, or contains a stray mount or file, which the sweep reports.
  }
}
