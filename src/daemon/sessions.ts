import { stat } from 'node:fs/promises';

import { IsolateError } from '../error.ts';
import type { Outcome } from '../launch/outcome.ts';
import type { HolderId } from '../pool/holder.ts';
import { openLeasedChanges } from '../pool/lease/base.ts';
import { releaseClone } from '../pool/lease/release.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool, PoolFiles } from '../pool/pool.ts';
import type { CloneRecord } from '../pool/state/state-file.ts';
import { placeOf } from '../rootfs/rootfs.ts';
import { isKept } from '../run/keep-root.ts';
import type { GivenBase } from '../run/leased.ts';
import { destroySession, renameSession } from '../session/change.ts';
import { findSession, listSessions, missingSession, readSession, type SessionIndex } from '../session/index-files.ts';
import { keepAsSession, leaseSession } from '../session/keep.ts';
import { type ListedSession, lookAtSessions, type WithRoot } from '../session/look.ts';
import type { SessionRecord } from '../session/record.ts';
import type { Keeping } from '../spec/spec.ts';
import { describeUser } from './accounts.ts';
import type { Taken } from './fresh-clones.ts';
import type { LeaseOutcome } from './held.ts';
import type { DaemonLease, LeaseRequest } from './lease.ts';
import type { QuotaUser } from './quota.ts';
import type { WantedSession } from './wanted-session.ts';

/** A clone of a session, and how its lease ends. */
export interface TakenSession {
  readonly name: string;
  readonly taken: Taken;
  /** `outcome` absent: the run did not begin. */
  readonly giveBack: (outcome?: LeaseOutcome) => void;
}

type Request = Pick<LeaseRequest, 'template' | 'peer' | 'engine' | 'command'>;

/** The sessions of the daemon's users. Their names are their owners' alone. */
export interface Sessions {
  /** Throws `quota-exceeded` if the user has as many sessions as one may have. */
  readonly checkQuota: (uid: number) => void;
  /** Keeps a clone that was taken for its holder. Throws `session-exists`, and the storage's error. */
  readonly keep: (taken: Taken, keeping: Keeping, request: Request) => Promise<TakenSession>;
  /** Takes the clone of a session. Throws `session-missing`, `session-in-use`, and the storage's error. */
  readonly enter: (wanted: Extract<WantedSession, { readonly kind: 'enter' }>, holder: HolderId, request: Request) => Promise<TakenSession>;
  /** Mounts what the clone of a lease was made of, until the lease ends. Throws the storage's error. */
  readonly openBase: (lease: DaemonLease) => Promise<GivenBase>;
  readonly list: (uid: number) => Promise<readonly ListedSession[]>;
  /** Asks no storage; null: the user has no session of this name. */
  readonly find: (uid: number, name: string) => SessionRecord | null;
  /** Throws `session-missing`, `session-in-use`, and the storage's error. */
  readonly remove: (uid: number, name: string) => Promise<void>;
  /** Throws `session-missing`, `session-exists`, and the storage's error. */
  readonly rename: (uid: number, from: string, to: string) => Promise<void>;
}

export interface SessionsOptions {
  readonly index: SessionIndex;
  /** Throws what the storage says. */
  readonly open: (template: string) => Promise<Pool>;
  /** How many sessions the user may have. */
  readonly mostOf: (uid: number) => QuotaUser & { readonly most: number };
  readonly warn: (message: string) => void;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { index, mostOf, warn } = options;
  const open = openOnce(options.open);
  const inTurn = takeTurns();
  const checkQuota = (uid: number): void => {
    const { most, ...user } = mostOf(uid);
    const { length } = listSessions(index, uid);
    if (length >= most) throw tooMany(user, length);
  };
  const withRoot: WithRoot = async (root, action) => {
    if (root.kind !== 'volume') throw new IsolateError('internal', `The daemon has no pool of ${root.path}.`);
    return await action(await open(root.locator));
  };
  return {
    checkQuota,
    keep: async (taken, keeping, { template, peer: { uid }, engine, command }) => {
      const pool = { ...(await open(template)), ...taken.pool };
      // Again: others may have got theirs while this one waited.
      checkQuota(uid);
      const leased = { ...taken, release: () => releaseClone(pool, taken.id) };
      const { name } = keeping;
      const kept = await keepAsSession(
        pool,
        leased,
        { uid, index },
        { name, root: { kind: 'volume', locator: template }, engine, command },
      );
      const giveBack = (outcome?: LeaseOutcome): void => {
        const end = isKept(keeping, outcomeOf(outcome)) ? kept.lease.release() : kept.drop();
        end.catch((error: unknown) => pool.warn((error as Error).message));
      };
      return { name: kept.name, taken, giveBack };
    },
    enter: async ({ name, looks }, holder, { template, peer: { uid }, engine, command }) => {
      const record = findSession(index, uid, name);
      if (record.root.kind !== 'volume' || record.root.locator !== template) throw missingSession(name);
      const pool = { ...(await open(template)), holder };
      const lease = await leaseSession(pool, { uid, index }, record, looks ? null : { engine, command }, findShelved);
      const giveBack = (): void => void lease.release().catch((error: unknown) => pool.warn((error as Error).message));
      try {
        return { name, taken: await shelve(pool, lease), giveBack };
      } catch (error) {
        giveBack();
        throw error;
      }
    },
    openBase: async ({ id, template, seenAt, defer, pool: { warn: told } }) => {
      const { base, form, close } = await openLeasedChanges(await open(template), id, seenAt);
      defer(() => void close().catch((error: unknown) => told((error as Error).message)));
      if (form.kind === 'layer') throw new IsolateError('internal', `Clone ${id} of ${template} is only a layer.`);
      return { path: base, sameInodesSinceMs: form.sameInodesSinceMs };
    },
    list: oneAtATime((uid) => lookAtSessions(index, uid, withRoot, warn)),
    find: (uid, name) => readSession(index, uid, name),
    remove: (uid, name) =>
      inTurn(uid, async () => {
        const record = findSession(index, uid, name);
        await withRoot(record.root, (pool) => destroySession(pool, index, record));
      }),
    rename: (uid, from, to) =>
      inTurn(uid, async () => {
        const record = findSession(index, uid, from);
        await withRoot(record.root, (pool) => renameSession(pool, index, record, to));
      }),
  };
}

/** Each pool is opened once, when it is first needed. */
function openOnce(open: SessionsOptions['open']): SessionsOptions['open'] {
  const opened = new Map<string, Promise<Pool>>();
  return (template) => {
    const known = opened.get(template);
    if (known !== undefined) return known;
    const opening = open(template);
    opened.set(template, opening);
    opening.catch(() => opened.delete(template));
    return opening;
  };
}

/** One of a user's changes at a time, so that nobody keeps the storage busy for all. */
function takeTurns(): (uid: number, act: () => Promise<void>) => Promise<void> {
  const last = new Map<number, Promise<unknown>>();
  return (uid, act) => {
    const before = last.get(uid) ?? Promise.resolve();
    const done = before.then(act, act);
    const settled = done.catch(() => undefined).finally(() => last.get(uid) === settled && last.delete(uid));
    last.set(uid, settled);
    return done;
  };
}

/** Who asks while an answer for the same user is being made gets that one: what it says is read last. */
function oneAtATime(list: Sessions['list']): Sessions['list'] {
  const making = new Map<number, ReturnType<Sessions['list']>>();
  return (uid) => {
    const known = making.get(uid);
    if (known !== undefined) return known;
    const listed = list(uid).finally(() => making.delete(uid));
    making.set(uid, listed);
    return listed;
  };
}

/** After the storage was started again its mounts are there and answer nothing. */
async function findShelved(pool: PoolFiles, state: CloneRecord): Promise<Pick<Lease, 'rootfs'> | null> {
  if (!pool.shelf.isOpen()) await pool.shelf.open();
  const place = placeOf(state.rootfs);
  const path = pool.shelf.find(place);
  const stats = await stat(path).catch(() => null);
  if (stats?.dev === state.device && stats.ino === state.inode) return { rootfs: state.rootfs };
  if (path !== place) await pool.shelf.drop([place]);
  return null;
}

/** A clone that was mounted again goes where the others are. */
async function shelve(pool: Pool, { id, rootfs }: Pick<Lease, 'id' | 'rootfs'>): Promise<Taken> {
  const place = placeOf(rootfs);
  if (pool.shelf.find(place) === place) await pool.shelf.put(place);
  return { id, rootfs, seenAt: pool.shelf.find(place), checked: null, pool };
}

/** A client that was killed ended its run so. */
function outcomeOf(outcome: LeaseOutcome | undefined): Outcome | undefined {
  switch (outcome?.kind) {
    case 'closed':
    case 'left':
      return { kind: 'killed', signal: 'SIGKILL' };
    case 'failed':
      return undefined;
    default:
      return outcome;
  }
}

function tooMany(user: QuotaUser, count: number): IsolateError {
  const sessions = count === 1 ? '1 session' : `${count} sessions`;
  return new IsolateError('quota-exceeded', `${describeUser(user)} has ${sessions}, the limit (limits.sessions).`, {
    hint: 'isolate sessions lists them, isolate rm removes them',
  });
}
