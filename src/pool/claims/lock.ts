import { lstatSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../../error.ts';
import { formatHolder, isAlive, parseHolder } from '../holder.ts';
import type { HolderId } from '../holder.ts';

/** A lock that we hold. `lost` is aborted when another process takes it over; then the holder must stop. */
export interface Lock {
  readonly lost: AbortSignal;
  readonly release: () => Promise<void>;
}

/** A lock without a known holder (its maker died at that moment) is free after this time. */
const staleMs = 10_000;

/**
 * Takes the lock at `path`, or returns null if a living process has it. The lock is a directory (proper-lockfile); a
 * file beside it names the holder, `<lock>.PID.START.BOOT`.
 *
 * The directory alone is not enough, because its age decides: a killed holder's lock would be free only after 10 s (at least 2 s), and a
 * holder that was stopped for that long would lose its lock but go on when continued. The file says whether the holder lives.
 */
export async function tryLock(path: string, holder: HolderId): Promise<Lock | null> {
  const own = `${path}.${formatHolder(holder)}`;
  const present = readHolders(path);
  if (present.some(({ alive }) => alive(holder.bootId))) return null;
  const tookOver = present.some(({ file }) => takeOver(file, own));
  if (present.length > 0 && !tookOver) return null;
  const lost = new AbortController();
  let release: (() => Promise<void>) | null = null;
  try {
    if (tookOver) removeLockDirectory(path);
    release = await lockDirectory(path, () => lost.abort());
    if (release === null) {
      if (tookOver) rmSync(own, { force: true });
      return null;
    }
    const directory = identify(path);
    writeFileSync(own, '', { mode: 0o600 });
    // Another process may since have taken over a dead holder's file, and with it the directory.
    if (readHolders(path).some(({ file, alive }) => file !== own && alive(holder.bootId))) {
      rmSync(own, { force: true });
      // A directory that is no longer ours is left to its holder.
      if (identify(path) === directory) await release();
      return null;
    }
  } catch (error) {
    if (tookOver || release !== null) rmSync(own, { force: true });
    await release?.().catch(() => undefined);
    throw error;
  }
  const unlock = release;
  return {
    lost: lost.signal,
    release: async () => {
      rmSync(own, { force: true });
      // A lost lock belongs to another process.
      if (!lost.signal.aborted) await unlock();
    },
  };
}

export interface LockWait {
  /** How long to wait for the lock. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once, after a second, with the processes that have the lock. */
  readonly onSlow?: ((pids: readonly number[]) => void) | undefined;
}

const slowMs = 1000;

/** Takes the lock when it becomes free; throws `pool-locked` with the holder, or `aborted`. */
export async function waitForLock(path: string, holder: HolderId, { waitMs, signal, onSlow }: LockWait): Promise<Lock> {
  const slow = onSlow === undefined ? undefined : setTimeout(() => onSlow(lockHolders(path, holder.bootId)), slowMs);
  try {
    return await wait(path, holder, performance.now() + waitMs, signal);
  } finally {
    clearTimeout(slow);
  }
}

async function wait(path: string, holder: HolderId, endMs: number, signal: AbortSignal | undefined): Promise<Lock> {
  let pauseMs = 1;
  for (;;) {
    const lock = await tryLock(path, holder);
    if (lock !== null) return lock;
    if (signal?.aborted === true) throw new IsolateError('aborted', `The wait for the lock ${path} was cancelled.`);
    if (performance.now() >= endMs) {
      const pids = readHolders(path).map(({ pid }) => pid);
      const whose = pids.length === 0 ? 'another process' : `process ${pids.join(', ')}`;
      throw new IsolateError('pool-locked', `The lock ${path} is held by ${whose}.`);
    }
    await sleep(pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(pauseMs * 2, 50);
  }
}

/** Whether a living process has the lock. */
export function isLocked(path: string, bootId: string): boolean {
  return readHolders(path).some(({ alive }) => alive(bootId));
}

/** The living processes that have the lock. */
export function lockHolders(path: string, bootId: string): readonly number[] {
  return readHolders(path).flatMap(({ pid, alive }) => (alive(bootId) ? [pid] : []));
}

interface HolderFile {
  readonly file: string;
  readonly pid: number;
  readonly alive: (bootId: string) => boolean;
}

function readHolders(path: string): HolderFile[] {
  const prefix = `${basename(path)}.`;
  const found: HolderFile[] = [];
  for (const name of readdirSync(dirname(path))) {
    const holder = name.startsWith(prefix) ? parseHolder(name.slice(prefix.length)) : null;
    if (holder === null) continue;
    found.push({ file: join(dirname(path), name), pid: holder.pid, alive: (bootId) => isAlive(holder, bootId) });
  }
  return found;
}

/** Renames a dead holder's file to ours: only one of several processes succeeds, and the others see a living holder. */
function takeOver(file: string, own: string): boolean {
  try {
    renameSync(file, own);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Which directory is at `path` now; null: none. */
function identify(path: string): string | null {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}.${stat.ino}.${stat.mtimeNs}`;
}

function removeLockDirectory(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function lockDirectory(path: string, onLost: () => void): Promise<(() => Promise<void>) | null> {
  const { default: lockfile } = await import('proper-lockfile');
  try {
    return await lockfile.lock(path, { lockfilePath: path, realpath: false, stale: staleMs, onCompromised: onLost });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return null;
    throw new IsolateError('state-unreadable', `The lock ${path} cannot be taken.`, { cause: error });
  }
}
