import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import { maximumCount } from '../../spec/parse-number.ts';
import type { CloneInfo, CreateOptions, Source } from '../../storage/driver.ts';
import { makeClaim } from '../claims/claims.ts';
import { tryLock } from '../claims/lock.ts';
import type { HolderId } from '../holder.ts';
import type { Rootfs } from '../../rootfs/rootfs.ts';
import { countMaking, makeClones, stopMaking, withMountLock } from './make-clones.ts';
import type { Pool, PoolFiles } from '../pool.ts';
import { readDirectory } from '../read-directory.ts';
import { releaseClone, removeClone } from './release.ts';
import { randomId, readMemory, takeIds } from '../state/memory.ts';
import { touchSignal } from '../state/signal-file.ts';
import { formatLeaseName } from '../state/state-file.ts';
import { leaseOf, type Lease, takeFreshClone } from './take.ts';
import { publishLeased, writeWhole } from '../state/transition.ts';
import { waitForChange } from './wait.ts';

export interface LeaseOptions {
  /** How long to wait for a clone if none is fresh, not counting the time while clones are being made; 0: fail at once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  /** Called once when there is no fresh clone and waiting begins. */
  readonly onWait?: () => void;
  /** Called once when it has waited for a second, with how many clones are being made. */
  readonly onSlow?: (making: number) => void;
}

const slowMs = 1000;
/** How soon the death of a maker is noticed. */
const longestPauseMs = 50;

/**
 * Leases a clone to us alone. If one is fresh, this takes no lock: it reads a directory and renames a file. Throws `no-free-clone`,
 * `aborted`, or the error of the storage if a clone had to be made.
 */
export async function leaseClone(pool: Pool, options: LeaseOptions): Promise<Lease> {
  if (!pool.driver.capabilities.pooled) return makeOwn(pool);
  const lease = await takeFreshClone(pool);
  if (lease !== null) return lease;
  touchSignal(pool);
  if (options.waitMs > 0) {
    options.onWait?.();
    const late = await waitForClone(pool, options).catch((error: unknown) => {
      throw isMissingFile(error) ? poolRemoved(pool, error) : error;
    });
    if (late !== null) return late;
  }
  throw noFreeClone(pool, options.waitMs);
}

async function waitForClone(pool: Pool, options: LeaseOptions): Promise<Lease | null> {
  const endMs = performance.now() + options.waitMs;
  const slow = startSlowTimer(pool, options.onSlow);
  const stopWaiting = makeClaim(pool, 'waiting');
  try {
    for (;;) {
      const lease = (await takeFreshClone(pool)) ?? (await makeUnderLock(pool));
      if (lease !== null) return lease;
      if (options.signal?.aborted === true) throw new IsolateError('aborted', 'The wait for a clone was cancelled.');
      const leftMs = endMs - performance.now();
      // Giving up while clones are being made would only leave them to others.
      if (leftMs <= 0 && countMaking(pool) === 0) return null;
      await waitForChange(pool.paths.fresh, leftMs <= 0 ? longestPauseMs : leftMs, options.signal);
    }
  } finally {
    stopWaiting();
    clearTimeout(slow);
  }
}

function isMissingFile(error: unknown): boolean {
  return !(error instanceof IsolateError) && (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function poolRemoved({ template }: Pool, cause: unknown): IsolateError {
  return new IsolateError('state-unreadable', `The pool of ${template} was removed while this run waited for a clone.`, {
    hint: `isolate refresh ${template} makes it again`,
    cause,
  });
}

function startSlowTimer(pool: Pool, onSlow: LeaseOptions['onSlow']): NodeJS.Timeout | undefined {
  return onSlow === undefined ? undefined : setTimeout(() => onSlow(countMaking(pool)), slowMs);
}

/** If nobody is refreshing the pool, makes one clone for us here; null: somebody is. */
async function makeUnderLock(pool: Pool): Promise<Lease | null> {
  const lock = await tryLock(pool.paths.lock, pool.holder);
  if (lock === null) return null;
  try {
    const lease = await takeFreshClone(pool);
    if (lease !== null) return lease;
    const source = await pool.driver.newestSource();
    const known = (await pool.driver.list()).map(({ id }) => id);
    return await makeLeased(pool, source, takeIds(pool, 1, known));
  } finally {
    stopMaking(pool);
    await lock.release();
  }
}

async function makeLeased(pool: Pool, source: Source, ids: readonly string[]): Promise<Lease> {
  let made: Lease | null = null;
  await makeClones(pool, source, ids, async (result) => {
    if (!result.ok) throw result.error;
    pool.checkpoint('lease:made');
    await publishLeased(pool, result.clone, result.rootfs);
    made = leaseOf(pool, result.id, { rootfs: result.rootfs });
  });
  if (made === null) throw new IsolateError('storage-failed', `No clone of ${source.name} was made.`);
  return made;
}

/** A clone on storage without a pool. */
async function makeOwn(pool: Pool): Promise<Lease> {
  const { id, rootfs } = await makeForOne(pool, pool.owners);
  return { id, rootfs, release: () => removeClone(pool, id), atEnd: null };
}

/**
 * Makes a clone of the newest state, or of `source`, with these owners that is leased to `holder` from the beginning. The pool's lock is not needed: the lease exists before
 * the clone, so a concurrent refresh sees that it has a living holder.
 */
export async function makeForOne(
  pool: Pool,
  owners: CreateOptions['owners'],
  holder: HolderId = pool.holder,
  source?: Source,
): Promise<Pick<Lease, 'id' | 'rootfs'>> {
  const id = randomId(pool.clock());
  const path = join(pool.paths.leased, formatLeaseName(id, holder));
  writeWhole(pool, path, '\n');
  pool.checkpoint('lease:announced');
  let made: { clone: CloneInfo; rootfs: Rootfs };
  try {
    made = await create(pool, id, owners, source ?? (await pool.driver.newestSource()));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  try {
    await publishLeased({ ...pool, holder }, made.clone, made.rootfs);
  } catch (error) {
    // Nobody would get it.
    await releaseClone({ ...pool, holder }, id);
    throw error;
  }
  return { id, rootfs: made.rootfs };
}

async function create(
  pool: Pool,
  id: string,
  owners: CreateOptions['owners'],
  source: Source,
): Promise<{ clone: CloneInfo; rootfs: Rootfs }> {
  const whileMounting = <T>(act: () => Promise<T>): Promise<T> => withMountLock(pool, act);
  const [result] = await pool.driver.create(source, [id], { owners, mountDirectory: pool.paths.mounts, whileMounting });
  if (result === undefined) throw new IsolateError('storage-failed', `No clone of ${source.name} was made.`);
  if (!result.ok) throw result.error;
  return result;
}

/** `waiting for a clone of tank/debian (4 being made)` */
export function describeWait(template: string, making: number): string {
  return `waiting for a clone of ${template}${making === 0 ? '' : ` (${making} being made)`}`;
}

/** The error if no clone became free within `waitMs`; `advice` is the hint if none is being made. */
export function noFreeClone(pool: PoolFiles, waitMs: number, advice: string = refreshAdvice(pool)): IsolateError {
  const inUse = readDirectory(pool.paths.leased).length;
  const { template } = pool;
  const seconds = Math.round(waitMs / 100) / 10;
  const making = countMaking(pool);
  const counts = `${inUse} in use, ${making} being made`;
  return new IsolateError('no-free-clone', `No free clone of ${template} after ${seconds} s (${counts}).`, {
    hint: making > 0 ? 'clones are being made: wait longer with --wait' : advice,
  });
}

/** Twice the present number, so that following the hint never makes a pool smaller. */
function refreshAdvice(pool: PoolFiles): string {
  const count = Math.min(Math.max((readMemory(pool).count ?? 0) * 2, 5), maximumCount);
  return `isolate refresh ${pool.template} ${count}, or raise the pool's size`;
}
