import { IsolateError } from '../error.ts';
import { forgetLease, keepLease, readLeased, takeSession } from '../pool/lease/keep.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool } from '../pool/pool.ts';
import { isThrownAway, type RootRef } from '../spec/root-ref.ts';
import { shortenCommand } from '../spec/shorten-command.ts';
import { addSession, removeSession, type SessionIndex, updateSession } from './index-files.ts';
import { suggestNames } from './names.ts';
import { type ClonedRoot, formatLastRun, formatSession, type SessionRecord } from './record.ts';

/** Whose sessions, and where their names are. */
export interface SessionOwner {
  readonly uid: number;
  readonly index: SessionIndex;
}

/** What a session remembers of its last run. */
export type LastRun = Pick<SessionRecord, 'engine' | 'command'>;

/** A leased clone that is a session's: `lease` gives it back to the session, `drop` throws both away. */
export interface KeptLease<Leased extends Pick<Lease, 'id'>> {
  readonly name: string;
  readonly lease: Leased;
  readonly drop: () => Promise<void>;
}

/** The leased clone as this pool has it. */
type LeasedClone = Pick<Lease, 'id' | 'rootfs' | 'release'>;

/**
 * Makes a leased clone a session from now on, whatever happens. `name` null: the first free one of those that isolate suggests. Throws
 * `session-exists`, and the storage's error; the lease stays as it was.
 */
export async function keepAsSession<Leased extends LeasedClone>(
  pool: Pool,
  lease: Leased,
  { uid, index }: SessionOwner,
  { name, root, ...run }: LastRun & { readonly name: string | null; readonly root: RootRef },
): Promise<KeptLease<Leased>> {
  const { id, guid, source } = readLeased(pool, lease.id);
  const { ownership } = lease.rootfs.parts[0];
  const nowMs = pool.clock();
  const record = reserve(index, name, {
    uid,
    root: clonedRoot(root),
    clone: { id, guid },
    owners: ownership.kind === 'natural' ? null : ownership,
    source,
    createdMs: nowMs,
    usedMs: nowMs,
    ...shortenedRun(run),
  });
  const drop = async (): Promise<void> => {
    removeSession(index, record);
    await forgetLease(pool, record.clone, lease.release);
    // Until then, the lease of a client that has ended looks like that of a session whose name was lost.
    removeSession(index, record);
  };
  try {
    return { name: record.name, lease: { ...lease, ...(await keepLease(pool, lease.id, record.clone, formatSession(record))) }, drop };
  } catch (error) {
    // The storage may have done it all the same, and would bring the session back. The first failure is the one to report.
    await pool.driver.forget(record.clone).catch(() => undefined);
    removeSession(index, record);
    throw error;
  }
}

/** The clone of a session, for one run; null: it is only looked at. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function leaseSession(
  pool: Pool,
  { index }: SessionOwner,
  record: SessionRecord,
  run: LastRun | null,
  find?: Parameters<typeof takeSession>[2],
): Promise<Lease> {
  const lease = await takeSession(pool, { ...record.clone, owners: record.owners }, find);
  if (run === null) return lease;
  const last = { ...shortenedRun(run), usedMs: pool.clock() };
  try {
    updateSession(index, { ...record, ...last });
  } catch (error) {
    await lease.release();
    throw error;
  }
  await pool.driver.noteLastRun?.(record.clone, formatLastRun(last)).catch((error: unknown) => {
    // It is said in the index, and the session is as good as before.
    pool.warn(`The last run of the session ${record.name} could not be written to the storage: ${(error as Error).message}`);
  });
  return lease;
}

/** Most bytes of a command: what the storage is given has to fit into a property of ZFS, 8192 bytes (zfsprops(7)). */
const longestCommand = 2048;

/** What is written of a run. */
export function shortenedRun({ engine, command }: LastRun): LastRun {
  return { engine, command: shortenCommand(command, longestCommand) };
}

function clonedRoot(root: RootRef): ClonedRoot {
  if (!isThrownAway(root)) throw new Error('A root that is not thrown away cannot be kept.');
  const { session: _session, ...own } = root;
  return own as ClonedRoot;
}

/** Takes the name, or the first of those that isolate suggests. */
function reserve(index: SessionIndex, name: string | null, rest: Omit<SessionRecord, 'name'>): SessionRecord {
  if (name !== null) return add(index, { ...rest, name });
  for (const suggested of suggestNames(rest.root)) {
    try {
      return add(index, { ...rest, name: suggested });
    } catch (error) {
      if (!(error instanceof IsolateError) || error.code !== 'session-exists') throw error;
    }
  }
  throw new Error('The names of sessions are used up.');
}

function add(index: SessionIndex, record: SessionRecord): SessionRecord {
  addSession(index, record);
  return record;
}
