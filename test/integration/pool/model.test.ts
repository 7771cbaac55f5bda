import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IsolateError } from '../../../src/error.ts';
import { countClaims, makeClaim, sweepClaims } from '../../../src/pool/claims/claims.ts';
import { readOwnHolder } from '../../../src/pool/holder.ts';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import { countMaking } from '../../../src/pool/lease/make-clones.ts';
import type { Lease } from '../../../src/pool/lease/take.ts';
import { makePoolDirectories, openPool } from '../../../src/pool/pool.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import { refresh } from '../../../src/upkeep/refresh.ts';
import { makeDirectorySubject, openSubject, readSubject } from '../../rig/pool-subject.ts';

/** Steps in which a process ends: what it would have done next never happens. */
const crashSteps = [
  'lease:renamed',
  'lease:made',
  'refresh:settled',
  'refresh:destroyed',
  'refresh:created',
  'refresh:published',
  'driver:made',
  'driver:marked',
  'write:written',
] as const;

type Step =
  | { readonly kind: 'lease'; readonly waitMs: number }
  | { readonly kind: 'release' | 'die' | 'busy' | 'unbusy' | 'keep'; readonly which: number }
  | { readonly kind: 'wait'; readonly alive: boolean }
  | { readonly kind: 'clean' | 'forget' }
  | { readonly kind: 'refresh'; readonly count: number; readonly force: boolean }
  | { readonly kind: 'crash'; readonly step: (typeof crashSteps)[number]; readonly action: 'lease' | 'refresh' }
  | { readonly kind: 'spoil'; readonly directory: 'fresh' | 'leased' | 'retired'; readonly text: string };

const which = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('lease' as const), waitMs: fc.constantFrom(0, 1000) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('release' as const, 'die' as const, 'busy' as const, 'unbusy' as const, 'keep' as const),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), alive: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('clean' as const, 'forget' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('refresh' as const), count: fc.nat(3), force: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      step: fc.constantFrom(...crashSteps),
      action: fc.constantFrom('lease' as const, 'refresh' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('spoil' as const),
      directory: fc.constantFrom('fresh' as const, 'leased' as const, 'retired' as const),
      text: fc.constantFrom('', '{}', '\0'),
    }),
  },
);

class Crash extends Error {}

test('whatever happens in whatever order, no clone is leased twice, and one refresh puts each into exactly one state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const owned = await makeDirectorySubject();
      try {
        await walk(steps, await openSubject(owned.subject), owned.subject.template);
      } finally {
        await owned.end();
      }
    }),
    { numRuns: 60 },
  );
});

async function walk(steps: readonly Step[], pool: Pool, template: string): Promise<void> {
  const living: Lease[] = [];
  const everLeased = new Set<string>();
  const busy = new Set<string>();
  const dead = { ...readOwnHolder(), startTime: '1' };
  const kept = new Set<string>();
  const busyFile = (id: string): string => join(template, 'clones', id, 'busy');
  for (const [index, one] of steps.entries()) {
    if (one.kind === 'lease') await tryLease(pool, one.waitMs, living, everLeased);
    if (one.kind === 'release') await living.splice(one.which % Math.max(living.length, 1), 1)[0]?.release();
    if (one.kind === 'refresh') await refresh(pool, { count: one.count, force: one.force });
    if (one.kind === 'die') await tryLease(openPool({ ...pool, holder: dead }), 0, [], everLeased);
    if (one.kind === 'busy') await setBusy(pool, one.which, busy, busyFile);
    if (one.kind === 'unbusy') clearBusy(busy, busyFile);
    if (one.kind === 'crash') await crash(pool, one, everLeased, dead);
    if (one.kind === 'wait') makeClaim({ ...pool, holder: one.alive ? pool.holder : dead }, 'waiting');
    if (one.kind === 'keep') await keep(pool, one.which, kept, template);
    if (one.kind === 'clean') await refresh(pool, { skipCreate: true });
    if (one.kind === 'forget') {
      await refresh(withoutTemplate(pool), { skipCreate: true });
      // As the next run does.
      makePoolDirectories(pool);
    }
    if (one.kind === 'spoil') spoil(pool, one.directory, one.text, index);
    await expectExclusive(pool, living);
  }
  clearBusy(busy, busyFile);
  sweepClaims(pool, 'waiting');
  const late = openPool({ ...pool, clock: () => Date.now() + 61_000 });
  const report = await refresh(late, { count: 2 });
  expect({ busy: report.busy, failed: report.failed }).toEqual({ busy: [], failed: [] });
  const state = await readSubject(pool);
  const leased = living.map(({ id }) => id).sort();
  expect({ leased: state.leased, retired: state.retired, fresh: state.fresh.length }).toEqual({ leased, retired: [], fresh: 2 });
  const keptUnused = [...kept].filter((id) => !leased.includes(id)).sort();
  expect({ clones: state.clones, kept: [...report.kept].sort() }).toEqual({
    clones: [...state.fresh, ...state.leased, ...keptUnused].sort(),
    kept: keptUnused,
  });
  expect({ making: countMaking(pool), waiting: countClaims(pool, 'waiting') }).toEqual({ making: 0, waiting: 0 });
}

async function tryLease(pool: Pool, waitMs: number, living: Lease[], everLeased: Set<string>): Promise<void> {
  try {
    const lease = await leaseClone(pool, { waitMs });
    expect(everLeased.has(lease.id)).toBe(false);
    everLeased.add(lease.id);
    living.push(lease);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'no-free-clone') throw error;
  }
}

async function crash(
  pool: Pool,
  { step: at, action }: Extract<Step, { kind: 'crash' }>,
  everLeased: Set<string>,
  dead: Pool['holder'],
): Promise<void> {
  const checkpoint = (name: string): void => {
    if (name === at) throw new Crash(at);
  };
  // A thrown error unwinds, a real death does not; real deaths are tested with real processes.
  const crashing = openPool({ ...pool, holder: dead, checkpoint });
  try {
    if (action === 'refresh') await refresh(crashing, { count: 3 });
    else await tryLease(crashing, 500, [], everLeased);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}

async function setBusy(pool: Pool, index: number, busy: Set<string>, busyFile: (id: string) => string): Promise<void> {
  const clones = await pool.driver.list();
  const id = clones[index % Math.max(clones.length, 1)]?.id;
  if (id === undefined) return;
  writeFileSync(busyFile(id), '');
  busy.add(id);
}

/** As `zfs set isolate:keep=on` does. */
async function keep(pool: Pool, index: number, kept: Set<string>, template: string): Promise<void> {
  const clones = (await pool.driver.list()).filter(({ marked }) => marked);
  const id = clones[index % Math.max(clones.length, 1)]?.id;
  if (id === undefined) return;
  const file = join(template, 'clones', id, 'meta.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), kept: true }));
  kept.add(id);
}

/** The pool of a template that is gone for a while: renamed, or on a pool that was exported. */
function withoutTemplate(pool: Pool): Pool {
  const probe = async (): Promise<never> => Promise.reject(new IsolateError('template-missing', 'It is gone.'));
  return { ...pool, driver: { ...pool.driver, probe } };
}

function clearBusy(busy: Set<string>, busyFile: (id: string) => string): void {
  for (const id of busy) rmSync(busyFile(id), { force: true });
  busy.clear();
}

function spoil(pool: Pool, directory: 'fresh' | 'leased' | 'retired', text: string, index: number): void {
  mkdirSync(pool.paths[directory], { recursive: true });
  writeFileSync(join(pool.paths[directory], directory === 'leased' ? `x${index}` : String(index)), text);
}

/** Every living lease still has its clone, and is the only state of it. */
async function expectExclusive(pool: Pool, living: readonly Lease[]): Promise<void> {
  const state = await readSubject(pool);
  for (const { id } of living) {
    expect({
      id,
      exists: state.clones.includes(id),
      leases: state.leased.filter((one) => one === id).length,
      fresh: state.fresh.includes(id),
      retired: state.retired.includes(id),
    }).toEqual({ id, exists: true, leases: 1, fresh: false, retired: false });
  }
}
