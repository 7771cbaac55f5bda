import type { UserLimits } from '../config/config.ts';
import { IsolateError } from '../error.ts';

/** How many leases each user has and lately had. All times are milliseconds of one clock that never goes back. */
export interface Quotas {
  /** Counts a request. Root has no quota. Throws `quota-exceeded`, which says when to try again, and counts nothing then. */
  readonly take: (uid: number, limits: UserLimits, nowMs: number) => CountedRequest;
  /** Counts a lease of before this daemon started, whatever the limits; what it returns counts it off, once. */
  readonly adopt: (uid: number) => () => void;
  /** Leases that `uid` has now. */
  readonly held: (uid: number) => number;
  /** Users that are remembered: those with leases, and at most as many again of the last minutes. */
  readonly size: () => number;
}

/** A request that may have a clone. */
export interface CountedRequest {
  /** It has got one, which counts against the leases a minute; without it the request was in vain. */
  readonly given: (nowMs: number) => void;
  /** The lease, or the wait for one, has ended; the second time it does nothing. */
  readonly end: (nowMs: number) => void;
}

interface Entry {
  leases: number;
  /** Of these, requests that still wait. */
  waiting: number;
  /** What was spent of the budget, in milliseconds times leases a minute: whole numbers, so nothing is lost by rounding. */
  spent: number;
  /** The same of requests that were in vain: they have a budget of their own, so that asking without end is bounded too. */
  missed: number;
  atMs: number;
  /** The leases a minute that `spent` goes down by. */
  rate: number;
}

const minuteMs = 60_000;
const nothing: CountedRequest = { given: () => {}, end: () => {} };
/** Fewer entries than this are not looked through for idle ones. */
const smallTable = 64;

/**
 * Leases a minute are counted by a token bucket: a user who was idle may have a whole minute's at once, and then one whenever
 * the part of a minute that it stands for has passed. So one number a user is enough, however large the limit is; in any
 * minute there are less than twice the limit. A user whose budget is whole again and who has no lease is forgotten.
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
    take: (uid, limits, nowMs) => {
      if (uid === 0) return nothing;
      sweep(nowMs);
      const entry = entries.get(uid) ?? idle();
      if (entry.leases >= limits.leases) throw tooMany(uid, entry.leases);
      settle(entry, nowMs);
      const rate = limits.leasesPerMinute;
      // Those that wait may be given theirs at any moment.
      const waitMs = Math.ceil((entry.spent + (entry.waiting + 1) * minuteMs) / rate) - minuteMs;
      if (waitMs > 0) throw tooFast(uid, describeHad(entry, rate), waitMs);
      const missedMs = Math.ceil((entry.missed + minuteMs) / rate) - minuteMs;
      if (missedMs > 0) throw tooFast(uid, `has asked for ${rate} clones in vain`, missedMs);
      const countOff = begin(uid, Object.assign(entry, { rate }));
      return countRequest(entry, countOff);
    },
    adopt: (uid) => (uid === 0 ? () => {} : begin(uid, entries.get(uid) ?? idle())),
    held: (uid) => entries.get(uid)?.leases ?? 0,
    size: () => entries.size,
  };
}

function idle(): Entry {
  return { leases: 0, waiting: 0, spent: 0, missed: 0, atMs: 0, rate: 0 };
}

function countRequest(entry: Entry, countOff: () => void): CountedRequest {
  let waits = true;
  entry.waiting += 1;
  const settleAs = (kind: 'spent' | 'missed', nowMs: number): void => {
    if (!waits) return;
    waits = false;
    entry.waiting -= 1;
    settle(entry, nowMs);
    entry[kind] += minuteMs;
  };
  return {
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

function tooMany(uid: number, leases: number): IsolateError {
  return new IsolateError('quota-exceeded', `The user ${uid} has ${leases} clones in use, as many as are allowed.`, {
    hint: 'try again when one of these runs has ended',
  });
}

function describeHad({ waiting }: Entry, perMinute: number): string {
  return waiting === 0 ? `has had ${perMinute} clones` : `has had or waits for ${perMinute} clones`;
}

function tooFast(uid: number, what: string, waitMs: number): IsolateError {
  return new IsolateError('quota-exceeded', `The user ${uid} ${what} within a minute, as many as are allowed.`, {
    hint: `try again in ${formatSeconds(waitMs)}`,
  });
}

/** Rounded up to a tenth of a second. */
function formatSeconds(ms: number): string {
  return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
}
