import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Taken } from '../../../src/daemon/fresh-clones.ts';
import { type ServedPool, servePool } from '../../../src/daemon/served-pool.ts';
import { IsolateError } from '../../../src/error.ts';
import { readOwnHolder } from '../../../src/pool/holder.ts';
import { type FreshClones, makeFreshClones } from '../../rig/fresh-clones.ts';

type Step =
  | { readonly kind: 'steal' | 'reread' }
  | { readonly kind: 'ask'; readonly uid: number }
  | { readonly kind: 'make'; readonly count: number; readonly told: boolean }
  | { readonly kind: 'leave' | 'give-back'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), uid: fc.constantFrom(1, 1, 1, 2, 3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('make' as const), count: fc.integer({ min: 1, max: 4 }), told: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'give-back' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'steal' }, { kind: 'reread' }) },
);

const holder = readOwnHolder();

test('users who wait are served in turn, each in its order and with clones of its own, and nobody waits beside a clone that is known', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clones = makeFreshClones();
      try {
        await follow(steps, clones);
      } finally {
        clones.end();
      }
    }),
    { numRuns: 150 },
  );
});

interface Client {
  readonly number: number;
  readonly uid: number;
  readonly leaving: AbortController;
  taken: Taken | null;
  gone: boolean;
}

async function follow(steps: readonly Step[], clones: FreshClones): Promise<void> {
  const served = servePool(
    clones.pool,
    () => {},
    () => new IsolateError('no-free-clone', 'none'),
  );
  const clients: Client[] = [];
  const order: number[] = [];
  for (const one of steps) {
    const before = { served: order.length, waiting: clients.filter(isWaiting) };
    carryOut(one, served, clones, clients, order);
    await new Promise((resolve) => setImmediate(resolve));
    expectTurns(order.slice(before.served), clients, before.waiting);
  }
  served.reread();
  await new Promise((resolve) => setImmediate(resolve));

  const taken = clients.flatMap((client) => (client.taken === null ? [] : [client.taken.id]));
  expect(new Set(taken).size).toBe(taken.length);
  for (const uid of [1, 2, 3]) {
    const own = order.filter((number) => clients[number]?.uid === uid);
    expect(own).toEqual(own.toSorted((left, right) => left - right));
  }
  const waiting = clients.filter(isWaiting);
  expect(served.waiting()).toBe(waiting.length);
  if (waiting.length > 0) expect(clones.ids('fresh')).toEqual([]);
}

const isWaiting = (client: Client): boolean => client.taken === null && !client.gone;

/** Of users who waited before and still have somebody waiting, none was served twice more than another. */
function expectTurns(servedNow: readonly number[], clients: readonly Client[], waitedBefore: readonly Client[]): void {
  const busy = [1, 2, 3].filter((uid) =>
    clients.some((client) => client.uid === uid && isWaiting(client) && waitedBefore.includes(client)),
  );
  const counts = busy.map((uid) => servedNow.filter((number) => clients[number]?.uid === uid).length);
  if (counts.length > 1) expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
}

test('a user who asks for one clone behind sixty of another waits for one of them', async () => {
  const clones = makeFreshClones();
  const served = servePool(
    clones.pool,
    () => {},
    () => new IsolateError('no-free-clone', 'none'),
  );
  const order: number[] = [];
  const askAs = (uid: number): Promise<void> =>
    ask(served, { number: uid, uid, leaving: new AbortController(), taken: null, gone: false }, order);
  const all = [...Array.from({ length: 60 }, () => askAs(1)), askAs(2)];
  await new Promise((resolve) => setImmediate(resolve));
  served.add(clones.make(3));
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual([1, 2, 1]);
  served.add(clones.make(58));
  await Promise.all(all);
  clones.end();
});

function carryOut(step: Step, served: ServedPool, clones: FreshClones, clients: Client[], order: number[]): void {
  switch (step.kind) {
    case 'ask': {
      const client: Client = { number: clients.length, uid: step.uid, leaving: new AbortController(), taken: null, gone: false };
      clients.push(client);
      void ask(served, client, order);
      return;
    }
    case 'make': {
      const made = clones.make(step.count);
      if (step.told) served.add(made);
      return;
    }
    case 'steal':
      return void clones.steal();
    case 'reread':
      return served.reread();
    case 'leave':
      return clients[step.which % Math.max(clients.length, 1)]?.leaving.abort();
    case 'give-back': {
      const taken = clients[step.which % Math.max(clients.length, 1)]?.taken ?? null;
      if (taken !== null) served.giveBack(taken);
    }
  }
}

async function ask(served: ServedPool, client: Client, order: number[]): Promise<void> {
  try {
    client.taken = await served.take({ uid: client.uid, holder, waitMs: 60_000, signal: client.leaving.signal });
    order.push(client.number);
  } catch {
    client.gone = true;
  }
}
