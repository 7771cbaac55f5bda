import type { UserLimits } from '../config/config.ts';
import { IsolateError } from '../error.ts';
import { describeUser } from './accounts.ts';
import { rightsOf } from '../host/rights.ts';

/** A user, as messages name one. */
export interface QuotaUser {
  readonly uid: number;
  /** Login name; null: the uid has none. */
  readonly name: string | null;
}

/** The limits that are counted here. */
export type LeaseLimits = Pick<UserLimits, 'leases' | 'leasesPerMinute' | 'waiting'>;

/** How many leases each user has and recently had. All times are milliseconds of one monotonic clock. */
export interface Quotas {
  /** Counts a request. Root has no quota. Throws `quota-exceeded`, which says when to try again, and then counts nothing. */
  readonly take: (user: QuotaUser, limits: LeaseLimits, nowMs: number) => CountedRequest;
  /** Counts a lease from before this daemon started, whatever the limits; the returned function uncounts it, once. */
  readonly adopt: (uid: number) => () => void;
  /** Leases that `uid` has now. */
  readonly held: (uid: number) => number;
  /** The number of remembered users: those with leases, and at most as many again from the last minutes. */
  readonly size: () => number;
}

/** A request that may have a clone. */
export interface CountedRequest {
  /** There is no clone now. Throws `quota-exceeded` if as many of the user's requests wait as are allowed. */
  readonly waits: () => void;
  /** It got a clone, which counts towards the leases per minute; without this call the request was in vain. */
  readonly given: (nowMs: number) => void;
  /** The lease, or the wait for one, has ended; a second call does nothing. */
  readonly end: (nowMs: number) => void;
}

interface Entry {
  leases: number;
  /** Of these, requests that have no clone yet. */
  open: number;
  /** Of these, requests that wait for one. */
  waiting: number;
  /** What was spent of the budget, in milliseconds times leases per minute: whole numbers, so nothing is lost by rounding. */
  spent: number;
  /** The same for requests that were in vain. They have their own budget, so that endless requests are limited too. */
  missed: number;
  atMs: number;
  /** The leases per minute by which `spent` goes down. */
  rate: number;
}

const minuteMs = 60_000;
const nothing: CountedRequest = { waits: () => {}, given: () => {}, end: () => {} };
/** With fewer entries than this, idle ones are not removed. */
const smallTable = 64;

/**
 * A token bucket counts leases per minute: a user who was idle may have a whole minute's worth at once, and then one each time its share
 * of the minute has passed. So one number per user is enough, however large the limit, and no minute has twice the limit. A user whose
 * budget is full again and who has no lease is forgotten.
 */
export function createQuotas(): Quotas {
  const entries = new Map<number, Entry>();
  let sweepAt = smallTable;

  const sweep = (nowMs: number): void => {
    if (entries.size < sweepAt) return;
    for (const [uid, entry] of entries) {
      settle(entry, nowMs);
      if (entry.leases === 0 && entry.spent === 0 && entry.missed === 0) entries.delete(uid);
    }
    sweepAt = Math.max(smallTable, 2 * entries.size);
  };

  const begin = (uid: number, entry: Entry): (() => void) => {
    entries.set(uid, entry);
    entry.leases += 1;
    let ended = false;
    return () => {
      if (!ended) entry.leases -= 1;
      ended = true;
    };
  };

  return {
    take: (user, limits, nowMs) => {
      const { uid } = user;
      if (rightsOf(uid) === 'root') return nothing;
      sweep(nowMs);
      const entry = entries.get(uid) ?? idle();
      if (entry.leases >= limits.leases) throw tooMany(user, entry);
      settle(entry, nowMs);
      const rate = limits.leasesPerMinute;
      // Requests without a clone may get one at any moment.
      const waitMs = Math.ceil((entry.spent + (entry.open + 1) * minuteMs) / rate) - minuteMs;
      if (waitMs > 0) throw tooFast(user, describeTaken(entry, rate), waitMs);
      const missedMs = Math.ceil((entry.missed + minuteMs) / rate) - minuteMs;
      if (missedMs > 0) throw tooFast(user, `has asked in vain for ${clones(rate)} in this minute`, missedMs);
      const countOff = begin(uid, Object.assign(entry, { rate }));
      return countRequest(user, entry, limits.waiting, countOff);
    },
    adopt: (uid) => (rightsOf(uid) === 'root' ? () => {} : begin(uid, entries.get(uid) ?? idle())),
    held: (uid) => entries.get(uid)?.leases ?? 0,
    size: () => entries.size,
  };
}

function idle(): Entry {
  return { leases: 0, open: 0, waiting: 0, spent: 0, missed: 0, atMs: 0, rate: 0 };
}

function countRequest(user: QuotaUser, entry: Entry, mostWaiting: number, countOff: () => void): CountedRequest {
  let isOpen = true;
  let isWaiting = false;
  entry.open += 1;
  const settleAs = (kind: 'spent' | 'missed', nowMs: number): void => {
    if (!isOpen) return;
    isOpen = false;
    entry.open -= 1;
    if (isWaiting) entry.waiting -= 1;
    settle(entry, nowMs);
    entry[kind] += minuteMs;
  };
  return {
    waits: () => {
      if (entry.waiting >= mostWaiting) throw tooManyWaiting(user, entry.waiting);
      isWaiting = true;
      entry.waiting += 1;
    },
    given: (nowMs) => settleAs('spent', nowMs),
    end: (nowMs) => {
      settleAs('missed', nowMs);
      countOff();
    },
  };
}

function settle(entry: Entry, nowMs: number): void {
  const back = Math.max(0, nowMs - entry.atMs) * entry.rate;
  entry.spent = Math.max(0, entry.spent - back);
  entry.missed = Math.max(0, entry.missed - back);
  entry.atMs = Math.max(entry.atMs, nowMs);
}

function tooMany(user: QuotaUser, { leases, open }: Entry): IsolateError {
  const what = open === 0 ? 'in use' : 'in use or requested';
  return exceeded(
    `${describeUser(user)} has ${clones(leases)} ${what}, the limit (limits.leases).`,
    'try again when one of these runs has ended',
  );
}

function tooManyWaiting(user: QuotaUser, waiting: number): IsolateError {
  const runs = waiting === 1 ? '1 run waiting' : `${waiting} runs waiting`;
  return exceeded(`${describeUser(user)} has ${runs} for a clone, the limit (limits.waiting).`, 'try again when one of them has its clone');
}

function tooFast(user: QuotaUser, what: string, waitMs: number): IsolateError {
  return exceeded(`${describeUser(user)} ${what}, the limit (limits.leases_per_minute).`, `try again in ${formatSeconds(waitMs)}`);
}

function exceeded(message: string, hint: string): IsolateError {
  return new IsolateError('quota-exceeded', message, { hint });
}

function describeTaken({ open }: Entry, perMinute: number): string {
  return `has taken ${open === 0 ? '' : 'or waits for '}${clones(perMinute)} in this minute`;
}

function clones(count: number): string {
  return count === 1 ? '1 clone' : `${count} clones`;
}

/** Rounded up to a tenth of a second. */
function formatSeconds(ms: number): string {
  return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
}
