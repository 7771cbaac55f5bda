import type { UserLimits } from '../config/config.ts';
import { IsolateError } from '../error.ts';

/** How many leases each user has and lately had. All times are milliseconds of one clock that never goes back. */
export interface Quotas {
  /**
   * Counts a lease that begins; what it returns counts it off, once. Root has no quota. Throws `quota-exceeded`, which says
   * when to try again, and counts nothing then.
   */
  readonly take: (uid: number, limits: UserLimits, nowMs: number) => () => void;
  /** Counts a lease of before this daemon started, whatever the limits; what it returns counts it off, once. */
  readonly adopt: (uid: number) => () => void;
  /** Leases that `uid` has now. */
  readonly held: (uid: number) => number;
  /** Users that are remembered: those with leases, and at most as many again of the last minutes. */
  readonly size: () => number;
}

interface Entry {
  leases: number;
  /** What was spent of the budget, in milliseconds times leases a minute: whole numbers, so nothing is lost by rounding. */
  spent: number;
  atMs: number;
  /** The leases a minute that `spent` goes down by. */
  rate: number;
}

const minuteMs = 60_000;
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
    for (const [uid, entry] of entries) if (entry.leases === 0 && spentAt(entry, nowMs) === 0) entries.delete(uid);
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
      if (uid === 0) return () => {};
      sweep(nowMs);
      const entry = entries.get(uid) ?? idle();
      if (entry.leases >= limits.leases) throw tooMany(uid, entry.leases);
      const rate = limits.leasesPerMinute;
      const spent = spentAt(entry, nowMs) + minuteMs;
      const waitMs = Math.ceil(spent / rate) - minuteMs;
      if (waitMs > 0) throw tooFast(uid, rate, waitMs);
      return begin(uid, Object.assign(entry, { spent, atMs: nowMs, rate }));
    },
    adopt: (uid) => (uid === 0 ? () => {} : begin(uid, entries.get(uid) ?? idle())),
    held: (uid) => entries.get(uid)?.leases ?? 0,
    size: () => entries.size,
  };
}

function idle(): Entry {
  return { leases: 0, spent: 0, atMs: 0, rate: 0 };
}

function spentAt({ spent, atMs, rate }: Entry, nowMs: number): number {
  return Math.max(0, spent - Math.max(0, nowMs - atMs) * rate);
}

function tooMany(uid: number, leases: number): IsolateError {
  return new IsolateError('quota-exceeded', `The user ${uid} has ${leases} clones in use, as many as are allowed.`, {
    hint: 'try again when one of these runs has ended',
  });
}

function tooFast(uid: number, perMinute: number, waitMs: number): IsolateError {
  return new IsolateError('quota-exceeded', `The user ${uid} has had ${perMinute} clones within a minute, as many as are allowed.`, {
    hint: `try again in ${formatSeconds(waitMs)}`,
  });
}

/** Rounded up to a tenth of a second. */
function formatSeconds(ms: number): string {
  return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
}
