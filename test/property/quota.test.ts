import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CountedRequest, createQuotas, type LeaseLimits, type Quotas } from '../../src/daemon/quota.ts';
import { IsolateError } from '../../src/error.ts';

/** Limits of a user that may wait as often as it likes. */
const limitOf = (leases: number, leasesPerMinute: number): LeaseLimits => ({ leases, leasesPerMinute, waiting: 100_000 });
const seven = { uid: 7, name: 'grace' };

/** What becomes of one user's requests: a list of times, and how many leases end before each. */
const requests = fc.array(
  fc.record({ afterMs: fc.oneof(fc.nat(50), fc.nat(5_000), fc.nat(90_000)), uid: fc.constantFrom(1, 2, 3), ends: fc.nat(3) }),
  {
    maxLength: 120,
  },
);
const limits = fc.record({
  leases: fc.integer({ min: 1, max: 8 }),
  leasesPerMinute: fc.integer({ min: 1, max: 30 }),
  waiting: fc.constant(100_000),
});

/** A bucket of whole tokens and the milliseconds towards the next one, filled step by step. */
interface Model {
  tokens: number;
  partMs: bigint;
  leases: number;
}

/** One lease is 60,000 parts, and each millisecond gives as many as leases are allowed in a minute. */
function pass(model: Model, { leasesPerMinute }: LeaseLimits, ms: number): void {
  model.partMs += BigInt(ms) * BigInt(leasesPerMinute);
  model.tokens += Number(model.partMs / 60_000n);
  model.partMs %= 60_000n;
  if (model.tokens < leasesPerMinute) return;
  model.tokens = leasesPerMinute;
  model.partMs = 0n;
}

test('a lease is refused when a bucket of tokens is empty or the places are taken, and never else', () => {
  fc.assert(
    fc.property(limits, requests, (limit, steps) => {
      const quotas = createQuotas();
      const models = new Map([1, 2, 3].map((uid) => [uid, { tokens: limit.leasesPerMinute, partMs: 0n, leases: 0 }]));
      const ends = new Map<number, (() => void)[]>();
      let nowMs = 0;
      for (const { afterMs, uid, ends: count } of steps) {
        nowMs += afterMs;
        for (const model of models.values()) pass(model, limit, afterMs);
        const model = models.get(uid)!;
        const own = ends.get(uid) ?? [];
        for (const end of own.splice(0, count)) {
          end();
          end();
          model.leases -= 1;
        }
        const allowed = model.leases < limit.leases && model.tokens > 0;
        expect({ uid, nowMs, attempt: attempt(() => own.push(lease(quotas, uid, limit, nowMs))) }).toEqual({
          uid,
          nowMs,
          attempt: allowed ? null : 'quota-exceeded',
        });
        if (allowed) {
          model.tokens -= 1;
          model.leases += 1;
        }
        ends.set(uid, own);
        expect([1, 2, 3].map(quotas.held)).toEqual([...models.values()].map(({ leases }) => leases));
      }
    }),
    { numRuns: 300 },
  );
});

test('after the wait that the error names a lease is given, and not a tenth of a second before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.array(fc.nat(500), { maxLength: 50 }), (leasesPerMinute, pauses) => {
      const quotas = createQuotas();
      const limit = limitOf(100_000, leasesPerMinute);
      let nowMs = 0;
      for (const pause of pauses) {
        nowMs += pause;
        attempt(() => lease(quotas, 7, limit, nowMs));
      }
      let error: unknown = null;
      while (error === null) {
        try {
          lease(quotas, 7, limit, nowMs);
        } catch (thrown) {
          error = thrown;
        }
      }
      const [, seconds] = /^try again in ([0-9]+\.[0-9]) s$/.exec((error as IsolateError).hint ?? '') ?? [];
      const waitMs = Math.round(Number(seconds) * 1000);
      if (waitMs > 100) expect(attempt(() => lease(quotas, 7, limit, nowMs + waitMs - 101))).toBe('quota-exceeded');
      expect(attempt(() => lease(quotas, 7, limit, nowMs + waitMs))).toBeNull();
    }),
  );
});

test('within any minute there are at most twice the leases that are allowed in one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(10_000), { maxLength: 200 }), (leasesPerMinute, pauses) => {
      const quotas = createQuotas();
      const taken: number[] = [];
      let nowMs = 0;
      for (const pause of pauses) {
        nowMs += pause;
        for (let count = 0; count < 3; count += 1) {
          if (attempt(() => lease(quotas, 7, limitOf(100_000, leasesPerMinute), nowMs)) === null) taken.push(nowMs);
        }
      }
      for (const from of taken) {
        expect(taken.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(2 * leasesPerMinute);
      }
    }),
  );
});

test('root has no quota, and nothing of it is remembered', () => {
  const quotas = createQuotas();
  for (let count = 0; count < 1000; count += 1) lease(quotas, 0, limitOf(1, 1), 0);
  quotas.adopt(0)();
  expect({ held: quotas.held(0), size: quotas.size() }).toEqual({ held: 0, size: 0 });
});

test('a lease of before counts against the limit and is never refused itself', () => {
  const quotas = createQuotas();
  const limit = limitOf(2, 100);
  const ends = [quotas.adopt(7), quotas.adopt(7), quotas.adopt(7)];
  expect(attempt(() => lease(quotas, 7, limit, 0))).toBe('quota-exceeded');
  for (const end of ends.slice(0, 2)) end();
  expect(attempt(() => lease(quotas, 7, limit, 0))).toBeNull();
  expect(quotas.held(7)).toBe(2);
});

test('a limit that changes holds from the next lease on', () => {
  const quotas = createQuotas();
  for (let count = 0; count < 10; count += 1) lease(quotas, 7, limitOf(100, 10), 0);
  expect(attempt(() => lease(quotas, 7, limitOf(100, 10), 0))).toBe('quota-exceeded');
  expect(attempt(() => lease(quotas, 7, limitOf(100, 11), 0))).toBeNull();
  expect(attempt(() => lease(quotas, 7, limitOf(100, 5), 30_000))).toBe('quota-exceeded');
});

test('users who have gone are forgotten, those with leases are not', () => {
  const quotas = createQuotas();
  const limit = limitOf(5, 600);
  const keep = lease(quotas, 1, limit, 0);
  for (let uid = 2; uid < 100_000; uid += 1) {
    lease(quotas, uid, limit, uid)();
    // A lease a millisecond, each forgotten after 100 ms.
    expect(quotas.size()).toBeLessThanOrEqual(2 * 102);
  }
  expect(quotas.held(1)).toBe(1);
  keep();
  expect(quotas.held(1)).toBe(0);
});

test('a request in vain does not use the budget, but one of its own', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (leasesPerMinute, vain) => {
      const quotas = createQuotas();
      const limit = limitOf(100_000, leasesPerMinute);
      for (let count = 0; count < Math.min(vain, leasesPerMinute - 1); count += 1) {
        const request = quotas.take(seven, limit, 0);
        request.end(0);
        request.given(0);
      }
      for (let count = 0; count < leasesPerMinute; count += 1) lease(quotas, 7, limit, 0);
      expect(messageOf(() => quotas.take(seven, limit, 0))).toBe(
        `grace (uid 7) has taken ${leasesPerMinute === 1 ? '1 clone' : `${leasesPerMinute} clones`} in this minute, the limit (limits.leases_per_minute).`,
      );
    }),
  );
  const quotas = createQuotas();
  const limit = limitOf(10, 2);
  for (let count = 0; count < 2; count += 1) quotas.take(seven, limit, 0).end(0);
  expect(messageOf(() => quotas.take(seven, limit, 0))).toBe(
    'grace (uid 7) has asked in vain for 2 clones in this minute, the limit (limits.leases_per_minute).',
  );
  expect(attempt(() => quotas.take(seven, limit, 30_000))).toBeNull();
});

test('requests that wait are reserved what they may get', () => {
  const quotas = createQuotas();
  const limit = limitOf(10, 2);
  const waiting = [quotas.take(seven, limit, 0), quotas.take(seven, limit, 0)];
  expect(messageOf(() => quotas.take(seven, limit, 600_000))).toBe(
    'grace (uid 7) has taken or waits for 2 clones in this minute, the limit (limits.leases_per_minute).',
  );
  for (const request of waiting) request.end(600_000);
  expect({ attempt: attempt(() => quotas.take(seven, limit, 630_000)), held: quotas.held(7) }).toEqual({ attempt: null, held: 1 });
});

test('the limit of requests that wait is one of its own, and names what is exceeded', () => {
  const quotas = createQuotas();
  const limit = { leases: 4, leasesPerMinute: 600, waiting: 1 };
  const ask = (): CountedRequest => quotas.take(seven, limit, 0);
  const first = ask();
  first.waits();
  const second = ask();
  expect(messageOf(() => second.waits())).toBe('grace (uid 7) has 1 run waiting for a clone, the limit (limits.waiting).');
  second.end(0);
  first.given(0);
  // One that has its clone waits no more, one that gave up neither.
  const third = ask();
  third.waits();
  third.end(0);
  for (let count = 0; count < 3; count += 1) {
    const next = ask();
    next.waits();
    next.given(0);
  }
  expect(messageOf(ask)).toBe('grace (uid 7) has 4 clones in use, the limit (limits.leases).');
  expect(messageOf(() => quotas.take({ uid: 8, name: null }, { ...limit, leases: 0 }, 0))).toBe(
    'The user 8 has 0 clones in use, the limit (limits.leases).',
  );
});

/** A request that is given its clone at once; what it returns ends the lease. */
function lease(quotas: Quotas, uid: number, limit: LeaseLimits, nowMs: number): () => void {
  const request = quotas.take({ uid, name: null }, limit, nowMs);
  request.given(nowMs);
  return () => request.end(nowMs);
}

function messageOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return (error as IsolateError).message;
  }
}

/** The code of what `action` throws; null: nothing. */
function attempt(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(IsolateError);
    return (error as IsolateError).code;
  }
}
