import { join } from 'node:path';

import type { EndOperation } from '../../launch/launch.ts';
import { IsolateError, sessionInUseHint } from '../../error.ts';
import type { CloneRef, CreateOptions } from '../../storage/driver.ts';
import { waitForLock } from '../claims/lock.ts';
import { type HolderId, isAlive } from '../holder.ts';
import type { Pool, PoolFiles } from '../pool.ts';
import { readDirectory } from '../read-directory.ts';
import { type CloneRecord, formatLeaseName, parseLeaseName } from '../state/state-file.ts';
import {
  keepLeased,
  leasePath,
  publishLeased,
  readCloneRecord,
  takeKept,
  takeLeased,
  takeRetired,
  writeWhole,
} from '../state/transition.ts';
import { withMountLock } from './make-clones.ts';
import { releaseClone } from './release.ts';
import { findRoot, type Lease } from './take.ts';

/** A clone that is kept. */
export interface KeptClone extends CloneRef {
  /** The owners of its files, as in `CreateOptions`. */
  readonly owners: CreateOptions['owners'];
}

/** How a lease ends. */
export type GivenBack = Pick<Lease, 'release' | 'atEnd'>;

/** How long another process may take to mount a clone. */
const lockMs = 60_000;

/**
 * Keeps a leased clone with a text for the storage, from now on and whatever happens. Returns how the clone is given back to the session
 * instead. Throws the storage's error.
 */
export async function keepLease(pool: Pool, id: string, clone: CloneRef, session: string): Promise<GivenBack> {
  pool.checkpoint('keep:before-mark');
  await pool.driver.keep(clone, session);
  pool.checkpoint('keep:marked');
  return backToSession(pool, id);
}

/** What is known about a clone that this pool's holder has leased. */
export function readLeased(pool: PoolFiles, id: string): CloneRecord {
  const record = readCloneRecord(leasePath(pool, id), id);
  if (record === null) throw gone(pool, id);
  return record;
}

/** Lets a clone that a session has leased go: then `release` destroys it. */
export async function forgetLease(pool: Pool, clone: CloneRef, release: () => Promise<void>): Promise<void> {
  await pool.driver.forget(clone);
  pool.checkpoint('forget:unmarked');
  await release();
}

/**
 * Leases the clone of a session to this pool's holder alone. `find` says where it is; it is mounted again where the host was restarted
 * since. Throws `session-in-use`, `session-missing`, and the storage's error.
 */
export async function takeSession(pool: Pool, clone: KeptClone, find: typeof findRoot = findRoot): Promise<Lease> {
  const { id } = clone;
  const wasKept = await claimSession(pool, id);
  const putBack = (): void => void keepLeased(pool, id, formatLeaseName(id, pool.holder));
  try {
    if (!wasKept && !(await isKeptByStorage(pool, clone))) {
      // Then there is nothing to put back.
      await releaseClone(pool, id);
      throw gone(pool, id);
    }
    const record = readCloneRecord(leasePath(pool, id), id);
    const root = record?.guid === clone.guid ? await find(pool, record, putBack) : null;
    return { id, ...(root ?? (await mountAgain(pool, clone))), ...backToSession(pool, id) };
  } catch (error) {
    putBack();
    throw error;
  }
}

/**
 * The same for one that is not looked into: it may not be mounted. Returns whether its state was that of a session; false: only the storage
 * knows whether it is one. Throws `session-in-use`.
 */
export async function claimSession(pool: Pool, id: string): Promise<boolean> {
  pool.checkpoint('session:before-rename');
  const wasKept = takeKept(pool, id);
  if (!wasKept && !takeLeft(pool, id) && (isInUse(pool, id) || !(await announce(pool, id)))) throw inUse(pool, id);
  pool.checkpoint('session:renamed');
  return wasKept;
}

/** Whether the storage keeps this clone. */
export async function isKeptByStorage(pool: Pool, { id, guid }: CloneRef): Promise<boolean> {
  return (await pool.driver.list()).some((clone) => clone.id === id && clone.guid === guid && clone.kept);
}

/** leased by this pool's holder -> kept. */
export function backToSession(pool: PoolFiles, id: string): GivenBack {
  return {
    release: async () => void keepLeased(pool, id, formatLeaseName(id, pool.holder)),
    atEnd: (): readonly EndOperation[] => [{ kind: 'move', path: leasePath(pool, id), to: join(pool.paths.kept, id) }],
  };
}

/** What a dead run left -> leased by this pool's holder; false: there is nothing, or another process was quicker. */
function takeLeft(pool: PoolFiles, id: string): boolean {
  return takeFromDead(pool, id) || takeRetired(pool, id);
}

function isInUse(pool: PoolFiles, id: string): boolean {
  return leasesOf(pool, id).some(({ holder }) => isAlive(holder, pool.holder.bootId));
}

/** leased by a dead holder -> leased by this pool's. */
function takeFromDead(pool: PoolFiles, id: string): boolean {
  const dead = leasesOf(pool, id).find(({ holder }) => !isAlive(holder, pool.holder.bootId));
  return dead !== undefined && takeLeased(pool, id, formatLeaseName(id, dead.holder));
}

/** absent -> leased, as after a restart of the host; false: another process has it. */
async function announce(pool: Pool, id: string): Promise<boolean> {
  const lock = await waitForLock(pool.paths.lock, pool.holder, { waitMs: lockMs });
  try {
    if (takeKept(pool, id) || takeLeft(pool, id)) return true;
    if (leasesOf(pool, id).length > 0) return false;
    writeWhole(pool, leasePath(pool, id), '\n');
    return true;
  } finally {
    await lock.release();
  }
}

async function mountAgain(pool: Pool, { id, guid, owners }: KeptClone): Promise<Pick<Lease, 'rootfs'>> {
  const there = (await pool.driver.list()).find((one) => one.id === id && one.guid === guid);
  if (there === undefined) throw gone(pool, id);
  const whileMounting = <T>(act: () => Promise<T>): Promise<T> => withMountLock(pool, act);
  const made = await pool.driver.mount(there, { owners, mountDirectory: pool.paths.mounts, whileMounting });
  if (!made.ok) throw made.error;
  await publishLeased(pool, made.clone, made.rootfs);
  return { rootfs: made.rootfs };
}

function leasesOf(pool: PoolFiles, id: string): readonly { readonly id: string; readonly holder: HolderId }[] {
  return readDirectory(pool.paths.leased).flatMap((name) => {
    const lease = parseLeaseName(name);
    return lease?.id === id ? [lease] : [];
  });
}

function inUse(pool: PoolFiles, id: string): IsolateError {
  const pid = leasesOf(pool, id)[0]?.holder.pid;
  return new IsolateError('session-in-use', `The session is in use${pid === undefined ? '' : ` by process ${pid}`}.`, {
    hint: sessionInUseHint,
  });
}

function gone(pool: PoolFiles, id: string): IsolateError {
  return new IsolateError('session-missing', `Clone ${id} of ${pool.template}, which the session has, does not exist any more.`, {
    hint: 'isolate rm removes the name of the session',
  });
}
