import type { Facts } from '../host/facts.ts';
import type { Outcome } from '../launch/outcome.ts';
import { IsolateError } from '../error.ts';
import { forgetLease, keepLease, readLeased, takeSession } from '../pool/lease/keep.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool } from '../pool/pool.ts';
import { findSession } from '../session/find.ts';
import { addSession, removeSession, type SessionIndex, sessionIndex, updateSession } from '../session/index-files.ts';
import { suggestNames } from '../session/names.ts';
import { type ClonedRoot, formatSession, type SessionRecord } from '../session/record.ts';
import { isThrownAway, type RootRef } from '../spec/root-ref.ts';
import type { Keeping, WantedSpec } from '../spec/spec.ts';
import type { Release } from './give-back.ts';
import { ownStateDirectory } from './place.ts';
import type { RunEvent } from './run-event.ts';

/** What a run that uses a session's clone, or makes one, needs. */
export interface KeepOptions {
  readonly pool: Pool;
  readonly facts: Facts;
  readonly tell: (event: RunEvent) => void;
}

/** A root that becomes a session, or goes back to one. */
export type KeptRoot = Lease & { readonly giveBack: Release['giveBack'] };

/** The clone of a session, for one run. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function leaseSession(spec: WantedSpec, name: string, { pool, facts }: KeepOptions): Promise<KeptRoot> {
  const index = ownIndex(facts);
  const record = findSession(index, facts.user.uid, name);
  const lease = await takeSession(pool, { ...record.clone, owners: record.owners });
  updateSession(index, { ...record, ...lastRun(spec, pool) });
  return { ...lease, giveBack: lease.release };
}

/** Makes a leased clone a session from the start of the run. Throws `session-exists`, and the storage's error. */
export async function keepRoot(spec: WantedSpec, keeping: Keeping, lease: Lease, { pool, facts, tell }: KeepOptions): Promise<KeptRoot> {
  const index = ownIndex(facts);
  const { id, guid, source } = readLeased(pool, lease.id);
  const record = reserve(index, keeping.name, {
    uid: facts.user.uid,
    root: clonedRoot(spec.root),
    clone: { id, guid },
    owners: pool.owners,
    source,
    createdMs: pool.clock(),
    ...lastRun(spec, pool),
  });
  const drop = async (): Promise<void> => {
    await forgetLease(pool, record.clone, lease.release);
    removeSession(index, record);
  };
  try {
    const kept = await keepLease(pool, lease, record.clone, formatSession(record));
    const giveBack = async (outcome: Outcome | undefined): Promise<void> => {
      if (outcome === undefined || (keeping.when === 'failure' && isSuccess(outcome))) return await drop();
      await kept.release();
      tell({ kind: 'notice', message: `This root is kept as ${record.name}: isolate enter ${record.name}` });
    };
    return { ...kept, giveBack };
  } catch (error) {
    removeSession(index, record);
    throw error;
  }
}

export function ownIndex(facts: Facts): SessionIndex {
  return sessionIndex(ownStateDirectory(facts));
}

function lastRun({ engine, command }: WantedSpec, { clock }: Pool): Pick<SessionRecord, 'engine' | 'command' | 'usedMs'> {
  return { engine, command: command ?? [], usedMs: clock() };
}

function clonedRoot(root: RootRef): ClonedRoot {
  if (!isThrownAway(root)) throw new Error('A root that is not thrown away cannot be kept.');
  return root as ClonedRoot;
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

function isSuccess(outcome: Outcome): boolean {
  return outcome.kind === 'exited' && outcome.code === 0;
}
