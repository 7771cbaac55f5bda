import { placeOf } from '../rootfs/rootfs.ts';
import { IsolateError } from '../error.ts';
import { maximumCount } from '../spec/parse-number.ts';
import type { CreateResult, Source } from '../storage/driver.ts';
import { makeClones, stopMaking } from '../pool/lease/make-clones.ts';
import type { Pool } from '../pool/pool.ts';
import { readPoolNames } from '../pool/state/pool-state.ts';
import type { RefreshProgress } from './report.ts';
import type { RefreshTally } from './tally.ts';
import { takeIds } from '../pool/state/memory.ts';
import { publishFresh } from '../pool/state/transition.ts';

export interface RefillPlan {
  readonly source: Source;
  readonly count: number;
  /** Ids that exist; new ones are higher. */
  readonly usedIds: readonly string[];
  readonly freeFraction: number | null;
}

export interface RefillControl {
  readonly goingOn: () => void;
  /** How many runs wait for a clone. */
  readonly waiting: () => number;
  readonly onProgress: ((progress: RefreshProgress) => void) | undefined;
  /** Called with clones that may be leased from now on. */
  readonly onFresh: ((ids: readonly string[]) => void) | undefined;
}

/** Below this share of free space no clone is made, because existing ones need it. */
const leastFree = 0.1;
/** After each batch the storage is checked before the first clone is ready, so batches are small only if somebody waits. */
const smallBatch = 4;
const batchSize = 20;
/** After this many clones free space is checked again. */
const probeEvery = 40;

/** Makes missing fresh clones, and one for each waiting run. Each can be taken as soon as it is ready. */
export async function refill(pool: Pool, plan: RefillPlan, tally: RefreshTally, control: RefillControl): Promise<void> {
  const { fresh, leased } = readPoolNames(pool);
  // However many runs wait, a pool never gets more fresh clones than it may have.
  const missing = Math.min(plan.count + control.waiting(), maximumCount) - fresh.length;
  tally.notCreated = null;
  if (missing <= 0) return;
  try {
    // If the pool has runs and no fresh clones, the next run may be waiting.
    await makeMissing(pool, plan, tally, control, missing, fresh.length === 0 && leased.length > 0);
  } finally {
    stopMaking(pool);
  }
}

async function makeMissing(
  pool: Pool,
  plan: RefillPlan,
  tally: RefreshTally,
  control: RefillControl,
  missing: number,
  isUrgent: boolean,
): Promise<void> {
  let freeFraction = plan.freeFraction;
  control.onProgress?.({ step: 'create', done: 0, total: missing });
  for (let done = 0, probed = 0; done < missing;) {
    control.goingOn();
    if (done - probed >= probeEvery) {
      ({ freeFraction } = await pool.driver.probe());
      probed = done;
    }
    if (freeFraction !== null && freeFraction < leastFree) {
      tally.notCreated = `Only ${Math.floor(freeFraction * 100)}% of the storage of ${pool.template} is free (${leastFree * 100}% is needed).`;
      return;
    }
    const isAwaited = control.waiting() > 0 || (done === 0 && isUrgent);
    const batch = takeIds(pool, Math.min(isAwaited ? smallBatch : batchSize, missing - done), plan.usedIds);
    pool.checkpoint('refresh:before-create');
    const createdBefore = tally.created;
    await makeClones(pool, plan.source, batch, async (result) => {
      pool.checkpoint('refresh:created');
      await publish(pool, result, tally, control);
      done += 1;
      control.onProgress?.({ step: 'create', done, total: missing });
    });
    // If a whole batch failed, the next one would fail too.
    if (tally.created === createdBefore) return;
  }
}

async function publish(pool: Pool, result: CreateResult, tally: RefreshTally, { onFresh }: RefillControl): Promise<void> {
  const error = result.ok ? await publishOne(pool, result) : result.error;
  if (error !== null) {
    tally.failed.set(result.id, { id: result.id, error });
    return;
  }
  tally.created += 1;
  onFresh?.([result.id]);
}

/** The reason why a new clone does not exist after all; the next pass destroys what is left of it. */
async function publishOne(pool: Pool, result: Extract<CreateResult, { ok: true }>): Promise<IsolateError | null> {
  try {
    await publishFresh(pool, result.clone, result.rootfs);
  } catch (cause) {
    const message = `Clone ${result.id} of ${pool.driver.template} was made, but ${placeOf(result.rootfs)} is not there.`;
    return new IsolateError('storage-failed', message, { cause });
  }
  pool.checkpoint('refresh:published');
  return null;
}
