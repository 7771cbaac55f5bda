import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { stat as statLater } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloneInfo } from '../../storage/driver.ts';
import { readDirectory } from '../read-directory.ts';
import type { Pool, PoolFiles } from '../pool.ts';
import { placeOf, type Rootfs } from '../../rootfs/rootfs.ts';
import { formatCloneRecord, formatLeaseName, parseCloneRecord } from './state-file.ts';
import type { CloneRecord } from './state-file.ts';

// Every state change of a clone is one rename(2): of several processes exactly one succeeds, and a crash leaves the state before or after
// it.

/** The state file of a clone that this pool's holder has leased. */
export function leasePath({ paths, holder }: PoolFiles, id: string): string {
  return join(paths.leased, formatLeaseName(id, holder));
}

/** absent -> fresh: from here on any run may lease the clone. It waits on the shelf. */
export async function publishFresh(pool: Pool, clone: CloneInfo, rootfs: Rootfs): Promise<void> {
  const state = await describeClone(pool, clone, rootfs);
  await pool.shelf.put(placeOf(rootfs));
  pool.checkpoint('publish:put');
  writeWhole(pool, join(pool.paths.fresh, clone.id), formatCloneRecord(state));
}

/** absent -> leased by this pool's holder. */
export async function publishLeased(pool: Pool, clone: CloneInfo, rootfs: Rootfs): Promise<void> {
  writeWhole(pool, leasePath(pool, clone.id), formatCloneRecord(await describeClone(pool, clone, rootfs)));
}

/** fresh -> leased by this pool's holder; false: another process was quicker. */
export function takeFresh(pool: PoolFiles, id: string): boolean {
  return move(join(pool.paths.fresh, id), leasePath(pool, id));
}

/** leased by this pool's holder -> fresh. */
export function putBack(pool: PoolFiles, id: string): void {
  move(leasePath(pool, id), join(pool.paths.fresh, id));
}

/** fresh -> retired; false: a run leased it first. */
export function retireFresh(pool: PoolFiles, id: string): boolean {
  return move(join(pool.paths.fresh, id), join(pool.paths.retired, id));
}

/** leased -> kept; false: it was moved already. */
export function keepLeased(pool: PoolFiles, id: string, leaseName: string): boolean {
  return move(join(pool.paths.leased, leaseName), join(pool.paths.kept, id));
}

/** kept -> leased by this pool's holder; false: another process was quicker, or there is none. */
export function takeKept(pool: PoolFiles, id: string): boolean {
  return move(join(pool.paths.kept, id), leasePath(pool, id));
}

/** leased by another holder -> leased by this pool's; false: it was moved already. */
export function takeLeased(pool: PoolFiles, id: string, leaseName: string): boolean {
  return move(join(pool.paths.leased, leaseName), leasePath(pool, id));
}

/** retired -> leased by this pool's holder, which only what the storage keeps may; false: it is not retired. */
export function takeRetired(pool: PoolFiles, id: string): boolean {
  return move(join(pool.paths.retired, id), leasePath(pool, id));
}

/** kept -> retired; false: a run took it first. */
export function retireKept(pool: PoolFiles, id: string): boolean {
  return move(join(pool.paths.kept, id), join(pool.paths.retired, id));
}

/** leased -> retired; false: it was retired already. */
export function retireLeased(pool: PoolFiles, id: string, leaseName: string): boolean {
  return move(join(pool.paths.leased, leaseName), join(pool.paths.retired, id));
}

/** The state in a file; null if it is incomplete, of another version, or not about `id`. */
export function readCloneRecord(path: string, id: string): CloneRecord | null {
  try {
    const state = parseCloneRecord(readFileSync(path, 'utf8'));
    return state?.id === id ? state : null;
  } catch {
    return null;
  }
}

/** Writes a file atomically. */
export function writeWhole(pool: PoolFiles, path: string, text: string): void {
  const temporary = join(pool.paths.directory, `.${process.pid}.${process.hrtime.bigint()}`);
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  pool.checkpoint('write:written');
  renameSync(temporary, path);
}

/** Removes what a crash within `writeWhole` left; only under the pool's lock, of files older than a minute. */
export function sweepTemporaries(pool: Pool): void {
  for (const name of readDirectory(pool.paths.directory)) {
    const path = join(pool.paths.directory, name);
    const stat = name.startsWith('.') ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (stat !== undefined && stat.mtimeMs < Date.now() - 60_000) rmSync(path, { force: true });
  }
}

/** Another thread asks the storage, because whatever blocks this one blocks everyone it serves. */
async function describeClone(pool: Pool, clone: CloneInfo, rootfs: Rootfs): Promise<CloneRecord> {
  const stat = await statLater(placeOf(rootfs));
  const { id, guid, source } = clone;
  return { id, guid, source, rootfs, createdMs: pool.clock(), device: stat.dev, inode: stat.ino };
}

function move(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
