import { IsolateError } from '../error.ts';
import { countClaims, sweepClaims } from '../pool/claims/claims.ts';
import { sweepSlots } from '../pool/claims/id-slots.ts';
import type { Lock } from '../pool/claims/lock.ts';
import { sweepRuns } from '../pool/claims/runs.ts';
import { checkLock, withMountLock } from '../pool/lease/make-clones.ts';
import type { Pool } from '../pool/pool.ts';
import { readPoolState } from '../pool/state/pool-state.ts';
import { reconcile } from '../pool/state/reconcile.ts';
import { settle } from '../pool/state/settle.ts';
import { sweepTemporaries } from '../pool/state/transition.ts';
import { seeClones } from '../session/mend.ts';
import type { Source, StorageHealth } from '../storage/driver.ts';
import { destroyClones } from './destroy-clones.ts';
import { refill } from './refill.ts';
import type { RefreshOptions } from './refresh-options.ts';
import { sweepPool } from './sweep.ts';
import { sweepGoneDirectories } from './sweep-directories.ts';
import type { RefreshTally } from './tally.ts';

/** One pass: puts every clone in exactly one state, destroys retired clones, makes missing ones. */
export async function refreshOnce(pool: Pool, lock: Lock, options: RefreshOptions, count: number, tally: RefreshTally): Promise<void> {
  checkGoingOn(pool, lock, options);
  sweepTemporaries(pool);
  // The work for which this process was started has begun.
  sweepClaims(pool, 'tidying');
  const [health, source, seen] = await Promise.all([
    options.skipCreate === true ? probeIfThere(pool) : pool.driver.probe(),
    options.skipCreate === true ? null : findSource(pool),
    // The names are mended as soon as the list is there, because runs add and remove names all the time.
    seeClones(pool).then((found) => {
      options.onListed?.(found);
      return found;
    }),
  ]);
  const { clones } = seen;
  const newest = source === null || source instanceof IsolateError ? null : source;
  // After the list: a run announces a clone before it makes it, so one without state has no run.
  const state = await readPoolState(pool);
  const plan = reconcile(clones, state, { newest: newest?.name ?? null, owners: pool.owners, nowMs: pool.clock() });
  const waiting = (): number => countClaims(pool, 'waiting') + (options.waiting?.() ?? 0);
  const excess = options.skipCreate === true ? 0 : plan.fresh.length - count - waiting();
  tally.isGone = health === null;
  const leased = new Set(plan.leased.map(({ id }) => id));
  const idle = clones.filter(({ id, kept }) => kept && !leased.has(id));
  tally.kept = idle.map(({ id }) => id);
  tally.sessions = idle.filter(({ session }) => session !== undefined).map(({ id }) => id);
  const settled = settle(pool, state, plan, {
    excess: options.force === true || tally.isGone ? plan.fresh.length : excess,
    onRetired: options.onRetired,
  });
  pool.checkpoint('refresh:settled');
  checkGoingOn(pool, lock, options);

  const goingOn = (): void => checkGoingOn(pool, lock, options);
  const { force = false, skipHolders = false, onProgress, onFresh, onDestroyed } = options;
  const usedIds = clones.map(({ id }) => id);
  const make = async (source: Source, wanted: number): Promise<void> => {
    const plan = { source, count: wanted, usedIds, freeFraction: health?.freeFraction ?? null };
    await refill(pool, plan, tally, { goingOn, waiting, onProgress, onFresh });
  };
  // Destroying can wait; a run that waits for a clone cannot.
  const serve = async (): Promise<void> => {
    if (newest !== null && waiting() > 0) await make(newest, 0);
  };
  await destroyClones(pool, settled.destroy, tally, { goingOn, serve, force, skipHolders, waiting, onProgress, onDestroyed });
  await sweepPool(
    pool,
    clones.filter(({ id }) => !tally.gone.has(id)),
  );
  if (newest !== null || tally.isGone || options.force === true) await pool.driver.tidy?.(newest, (act) => withMountLock(pool, act));
  await sweepRuns(pool.runtime, pool.cgroupDirectories, pool.holder.bootId, pool.clock());
  sweepSlots(pool.runtime, pool.holder.bootId);
  sweepGoneDirectories(pool.runtime);
  // A template without a snapshot is an error, but only after cleaning up.
  if (source instanceof IsolateError) throw source;
  if (newest === null) return;

  tally.source = newest;
  tally.older = new Set(clones.filter((clone) => clone.source !== newest.name).map(({ id }) => id));
  await make(newest, count);
}

/** Null: the template no longer exists, or has become something else, so only its clones are cleaned up. */
async function probeIfThere({ driver }: Pool): Promise<StorageHealth | null> {
  try {
    return await driver.probe();
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    if (error.code === 'template-missing' || (error.code === 'template-not-filesystem' && !driver.capabilities.pooled)) return null;
    throw error;
  }
}

async function findSource(pool: Pool): Promise<Source | IsolateError> {
  try {
    return await pool.driver.newestSource();
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}

function checkGoingOn(pool: Pool, lock: Lock, options: RefreshOptions): void {
  checkLock(pool, lock.lost);
  if (options.signal?.aborted === true) throw new IsolateError('aborted', `The refresh of ${pool.driver.template} was stopped.`);
}
