import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type ServedPool, servePool, type Taken } from '../../../src/daemon/served-pool.ts';
import { IsolateError } from '../../../src/error.ts';
import { readOwnHolder } from '../../../src/pool/holder.ts';
import { type FreshClones, makeFreshClones } from '../../rig/fresh-clones.ts';

type Step =
  | { readonly kind: 'ask' | 'steal' | 'reread' }
  | { readonly kind: 'make'; readonly count: number; readonly told: boolean }
  | { readonly kind: 'leave' | 'give-back'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'ask' }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('make' as const), count: fc.integer({ min: 1, max: 4 }), told: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'give-back' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'steal' }, { kind: 'reread' }) },
);

const holder = readOwnHolder();

test('those who wait are served in their order, each with a clone of its own, and nobody waits beside a clone that is known', async () => {
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
    carryOut(one, served, clones, clients, order);
    await new Promise((resolve) => setImmediate(resolve));
  }
  served.reread();
  await new Promise((resolve) => setImmediate(resolve));

  const taken = clients.flatMap((client) => (client.taken === null ? [] : [client.taken.id]));
  expect(new Set(taken).size).toBe(taken.length);
  expect(order).toEqual([...order].sort((left, right) => left - right));
  const waiting = clients.filter((client) => client.taken === null && !client.gone);
  expect(served.waiting()).toBe(waiting.length);
  if (waiting.length > 0) {
    expect(clones.ids('fresh')).toEqual([]);
    // Everybody before the first who waits was served or has left.
    expect(order.every((number) => number < (waiting[0]?.number ?? 0))).toBe(true);
  }
}

function carryOut(step: Step, served: ServedPool, clones: FreshClones, clients: Client[], order: number[]): void {
  switch (step.kind) {
    case 'ask': {
      const client: Client = { number: clients.length, leaving: new AbortController(), taken: null, gone: false };
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
    client.taken = await served.take({ holder, waitMs: 60_000, signal: client.leaving.signal });
    order.push(client.number);
  } catch {
    client.gone = true;
  }
}
