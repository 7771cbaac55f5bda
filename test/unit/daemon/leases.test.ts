import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { brokerGone, clientGone } from '../../../src/daemon/gone.ts';
import type { LeaseEvent, LeaseRequest } from '../../../src/daemon/lease.ts';
import { createLeases, type Leases } from '../../../src/daemon/leases.ts';
import type { MakeOwnClone } from '../../../src/daemon/own-clone.ts';
import { IsolateError } from '../../../src/error.ts';
import { formatHolder, readOwnHolder } from '../../../src/pool/holder.ts';
import { formatLeaseName } from '../../../src/pool/state/state-file.ts';
import { type FreshClones, makeFreshClones } from '../../rig/fresh-clones.ts';
import { rightsOf } from '../../../src/host/rights.ts';

const holder = readOwnHolder();
const peer = { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: process.pid, holder };

let clones: FreshClones;
let leases: Leases;
let held: number;
let given: number;
let waited: number;
let isCountSet: boolean;
let told: unknown[];
let rings: boolean[];

beforeEach(() => {
  clones = makeFreshClones();
  held = 0;
  given = 0;
  waited = 0;
  told = [];
  rings = [];
  const name = ({ peer: { uid }, template }: LeaseEvent): string => `${uid} ${template}`;
  isCountSet = false;
  leases = createLeases({
    isCountSet: () => isCountSet,
    sessions: { checkQuota: () => {}, keep: noSessions, enter: noSessions },
    rules: {
      checkAccess: (_, template) => {
        if (template === 'tank/secret') throw new IsolateError('not-permitted', 'No.');
      },
      checkLimits: (_, { pids = 0 }) => {
        if (pids > 10) throw new IsolateError('not-permitted', 'Too many.');
        return ['/groups'];
      },
      takeQuota: () => {
        if (held === 3) throw new IsolateError('quota-exceeded', 'Enough.');
        held += 1;
        return { waits: () => (waited += 1), given: () => (given += 1), end: () => (held -= 1) };
      },
    },
    watch: {
      onLeased: (event) => told.push(`leased ${name(event)}`),
      onEnded: (event) => told.push([`ended ${name(event)}`, event.outcome]),
      onRefused: (event) => told.push([`refused ${name(event)}`, (event.error as IsolateError).code]),
    },
  });
  leases.add(clones.pool, (urgent) => rings.push(urgent), makeNone);
});
afterEach(() => clones.end());

function request(more: Partial<LeaseRequest> = {}): LeaseRequest & { readonly end: (reason: symbol) => void } {
  const ending = new AbortController();
  const end = (reason: symbol): void => ending.abort(reason);
  return { template: 'tank/one', peer, engine: 'bwrap', command: ['true'], waitMs: 0, signal: ending.signal, end, ...more };
}

const noSessions = (): Promise<never> => Promise.reject(new Error('Nobody wants a session.'));

const makeNone: MakeOwnClone = () => Promise.reject(new Error('All clones suit.'));

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => (error as IsolateError).code,
  );

test('a lease is held by the process of its client, and described in the claim of its run', async () => {
  const [id = ''] = clones.make(2);
  const lease = await leases.lease(request());
  expect({ id: lease.id, entries: readdirSync(clones.pool.paths.leased) }).toEqual({ id, entries: [formatLeaseName(id, holder)] });
  expect({ holds: leases.holds('tank/one', id), holdsOther: leases.holds('tank/one', 'other'), held, given }).toEqual({
    holds: true,
    holdsOther: false,
    held: 1,
    given: 1,
  });
  expect(readdirSync(clones.pool.runtime.runs)).toEqual([expect.stringContaining(`${lease.run.runId}.${process.pid}.`)]);
});

test('the end of the connection retires the clone and gives everything back', async () => {
  const [id] = clones.make(1);
  const asked = request();
  const lease = await leases.lease(asked);
  const order: string[] = [];
  lease.defer((runsOn) => order.push(`deferred ${runsOn}`));
  lease.note({ kind: 'exited', code: 3 });
  asked.end(clientGone);
  lease.release();
  lease.defer((runsOn) => order.push(`late ${runsOn}`));
  expect({
    leased: clones.ids('leased'),
    retired: clones.ids('retired'),
    entries: readdirSync(clones.pool.runtime.runs),
    held,
    order,
  }).toEqual({ leased: [], retired: [id], entries: [], held: 0, order: ['deferred false', 'late false'] });
  expect(told).toEqual(['leased 1000 tank/one', ['ended 1000 tank/one', { kind: 'exited', code: 3 }]]);
});

test('the end of the broker leaves the clone to the process that has it', async () => {
  const [id] = clones.make(1);
  const asked = request();
  const lease = await leases.lease(asked);
  const order: string[] = [];
  lease.defer((runsOn) => order.push(`deferred ${runsOn}`));
  lease.send();
  asked.end(brokerGone);
  lease.release();
  lease.defer((runsOn) => order.push(`late ${runsOn}`));
  expect({ leased: clones.ids('leased'), retired: clones.ids('retired'), held, holds: leases.holds('tank/one', lease.id) }).toEqual({
    leased: [id],
    retired: [],
    held: 0,
    holds: false,
  });
  expect(order).toEqual(['deferred true', 'late true']);
  expect(told.at(-1)).toEqual(['ended 1000 tank/one', { kind: 'left' }]);
});

test('the end of the broker retires a clone that its client was not told of, because it has another then', async () => {
  const [id] = clones.make(1);
  const asked = request();
  const lease = await leases.lease(asked);
  asked.end(brokerGone);
  lease.send();
  expect({ leased: clones.ids('leased'), retired: clones.ids('retired'), held, entries: readdirSync(clones.pool.runtime.runs) }).toEqual({
    leased: [],
    retired: [id],
    held: 0,
    entries: [],
  });
  expect(told.at(-1)).toEqual(['ended 1000 tank/one', { kind: 'closed' }]);
});

test('a peer without access, quota, process or valid template is refused, and that is recorded', async () => {
  clones.make(9);
  for (let count = 0; count < 3; count += 1) await leases.lease(request());
  expect(await code(leases.lease(request()))).toBe('quota-exceeded');
  expect(await code(leases.lease(request({ template: 'tank/secret' })))).toBe('not-permitted');
  expect(await code(leases.lease(request({ peer: { ...peer, holder: null } })))).toBe('not-permitted');
  expect(await code(leases.lease(request({ template: 'tank/other' })))).toBe('template-missing');
  expect(told.slice(3)).toEqual([
    ['refused 1000 tank/one', 'quota-exceeded'],
    ['refused 1000 tank/secret', 'not-permitted'],
    ['refused 1000 tank/one', 'not-permitted'],
    ['refused 1000 tank/other', 'template-missing'],
  ]);
});

test('without a fresh clone it fails at once or after the wait, and the request no longer counts', async () => {
  expect(await code(leases.lease(request()))).toBe('no-free-clone');
  expect(await code(leases.lease(request({ waitMs: 20 })))).toBe('no-free-clone');
  expect({ held, given, waited, rings }).toEqual({ held: 0, given: 0, waited: 1, rings: [true, true] });
});

test('the hint goes to the user who can follow it', async () => {
  const hint = async (uid: number): Promise<unknown> =>
    await leases.lease(request({ peer: { ...peer, uid, rights: rightsOf(uid) } })).then(
      () => null,
      (error: IsolateError) => error.hint,
    );
  expect(await hint(1000)).toBe('root can keep more of its clones fresh');
  expect(await hint(0)).toBe("isolate refresh tank/one 5, or raise the pool's size");
  isCountSet = true;
  expect(await hint(0)).toBe('raise count in /etc/isolate/config.toml, below [templates."tank/one"]');
  writeFileSync(clones.pool.paths.making, `2 ${formatHolder(holder)}\n`);
  expect([await hint(0), await hint(1000)]).toEqual(Array.from({ length: 2 }, () => 'clones are being made: wait longer with --wait'));
});

test('a wait ends with the connection, and with the template', async () => {
  const asked = request({ waitMs: 60_000 });
  const left = code(leases.lease(asked));
  const dropped = code(leases.lease(request({ waitMs: 60_000 })));
  asked.end(clientGone);
  expect(await left).toBe('aborted');
  leases.remove('tank/one');
  expect({ dropped: await dropped, held, serves: leases.serves('tank/one') }).toEqual({
    dropped: 'template-missing',
    held: 0,
    serves: false,
  });
});

test('a clone whose state cannot be trusted is retired unused', async () => {
  const [bad = '', good] = clones.make(2);
  writeFileSync(`${clones.pool.paths.fresh}/${bad}`, 'nothing');
  const lease = await leases.lease(request());
  expect({ id: lease.id, retired: clones.ids('retired') }).toEqual({ id: good, retired: [bad] });
});

test('while the storage fails for good nobody waits, but what is there is leased', async () => {
  const served = leases.add(clones.pool, () => {}, makeNone);
  clones.make(1);
  served.fail(new IsolateError('template-missing', 'Gone.'));
  await leases.lease(request());
  expect(await code(leases.lease(request({ waitMs: 60_000 })))).toBe('template-missing');
  served.recover();
  const late = leases.lease(request({ waitMs: 60_000 }));
  served.add(clones.make(1));
  expect((await late).id).toBe(clones.ids('leased').at(-1));
});

test('no more of a command is kept than can be shown', async () => {
  clones.make(1);
  const { readRuns } = await import('../../../src/pool/claims/runs.ts');
  const command = Array.from({ length: 5000 }, () => 'word');
  await leases.lease(request({ command }));
  const [run] = readRuns(clones.pool.runtime, holder.bootId);
  expect(run?.command.join(' ').length).toBeLessThanOrEqual(4096);
});

test('while clones are being made a wait goes on beyond its time, and says after a second what for', async () => {
  writeFileSync(clones.pool.paths.making, `2 ${formatHolder(holder)}\n`);
  const said: string[] = [];
  const served = leases.add(clones.pool, () => {}, makeNone);
  const told = Promise.withResolvers<void>();
  const waiting = leases.lease(request({ waitMs: 20, onLongWait: (message) => (said.push(message), told.resolve()) }));
  await told.promise;
  expect({ said, waiting: served.waiting() }).toEqual({ said: ['waiting for a clone of tank/one (2 being made)'], waiting: 1 });
  served.add(clones.make(1));
  expect((await waiting).id).toBe(clones.ids('leased')[0]);
  const late = code(leases.lease(request({ waitMs: 20 })));
  rmSync(clones.pool.paths.making);
  expect(await late).toBe('no-free-clone');
});

test('a user whom fresh clones do not suit gets one made for it, and they stay fresh', async () => {
  const [id = ''] = clones.make(1, false);
  const asked: unknown[] = [];
  const served = leases.add(
    clones.pool,
    () => {},
    async (own, owners) => {
      asked.push(own, owners, clones.ids('leased'));
      const [made = ''] = clones.make(1);
      renameSync(`${clones.pool.paths.fresh}/${made}`, `${clones.pool.paths.leased}/${formatLeaseName(made, own)}`);
      const rootfs = { parts: [{ kind: 'tree', source: '/made', ownership: owners, idmappable: false }] } as const;
      return { id: made, rootfs, seenAt: '/made', checked: null, pool: { ...clones.pool, holder: own } };
    },
  );
  served.reread();
  const lease = await leases.lease(request());
  const map = [{ inside: 0, outside: 1000, count: 1 }];
  expect({ asked, seenAt: lease.seenAt, fresh: clones.ids('fresh'), leased: clones.ids('leased') }).toEqual({
    asked: [holder, { kind: 'mapped', uidMap: map, gidMap: map }, [id]],
    seenAt: '/made',
    fresh: [id],
    leased: [lease.id],
  });
});

test('a user whose clone takes long to make is told after a second what is being done', async () => {
  clones.make(1, false);
  const said: string[] = [];
  const told = Promise.withResolvers<void>();
  const full = new IsolateError('pool-full', 'Full.');
  leases
    .add(
      clones.pool,
      () => {},
      () => told.promise.then(() => Promise.reject(full)),
    )
    .reread();
  const onLongWait = (message: string): void => (said.push(message), told.resolve());
  expect(await code(leases.lease(request({ onLongWait })))).toBe('pool-full');
  expect(said).toEqual(['giving the files of tank/one your ids, once for this snapshot']);
});

test('where such a clone cannot be made, and where its user is gone when it is there, nothing stays leased', async () => {
  const [id = ''] = clones.make(1, false);
  const full = new IsolateError('pool-full', 'Full.');
  leases
    .add(
      clones.pool,
      () => {},
      () => Promise.reject(full),
    )
    .reread();
  expect(await code(leases.lease(request()))).toBe('pool-full');
  expect({ fresh: clones.ids('fresh'), leased: clones.ids('leased'), held }).toEqual({ fresh: [id], leased: [], held: 0 });
  expect(await code(leases.lease(request({ peer: { ...peer, gid: 0 } })))).toBe('not-permitted');
  expect({ fresh: clones.ids('fresh'), leased: clones.ids('leased'), held }).toEqual({ fresh: [id], leased: [], held: 0 });
});

test('a user without access is refused, and that is recorded, before anything about the template is read', () => {
  expect(() => leases.checkAccess({ template: 'tank/secret', peer, engine: 'bwrap' })).toThrow('No.');
  leases.checkAccess({ template: 'tank/none', peer, engine: 'bwrap' });
  expect(told).toEqual([['refused 1000 tank/secret', 'not-permitted']]);
});

test.each([
  [7, 'ended' as const, 'Process 7 has ended, so it cannot hold a lease.'],
  [7, 'elsewhere' as const, "Process 7 cannot hold a lease: it is not in the daemon's pid namespace."],
  [0, 'elsewhere' as const, "A process that the daemon cannot see cannot hold a lease: it is not in the daemon's pid namespace."],
])('a process %i that is %s is told why it cannot hold a lease', async (pid, absence, message) => {
  await expect(leases.lease(request({ peer: { ...peer, pid, holder: null, absence } }))).rejects.toThrow(message);
});
