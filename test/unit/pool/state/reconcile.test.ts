import { describe, expect, test } from 'vitest';
import type { PoolState } from '../../../../src/pool/state/pool-state.ts';
import { reconcile } from '../../../../src/pool/state/reconcile.ts';
import type { CloneInfo } from '../../../../src/storage/driver.ts';
import { rootfsOf } from '../../../../src/rootfs/rootfs.ts';

const nowMs = 1_000_000;
const holder = { pid: 1, startTime: '1', bootId: 'b' };

function clone(id: string, more: Partial<CloneInfo> = {}): CloneInfo {
  return { id, guid: `g${id}`, source: 's2', marked: true, kept: false, createdMs: nowMs, mountpoint: `/m/${id}`, ...more };
}

function fresh(id: string, createdMs = nowMs, guid = `g${id}`): PoolState['fresh'][number] {
  const rootfs = rootfsOf({ kind: 'tree', source: `/m/${id}`, ownership: { kind: 'natural' }, idmappable: false });
  return { id, state: { id, guid, source: 's2', rootfs, createdMs, device: 1, inode: 1 }, inPlace: true };
}

function leased(id: string, alive: boolean): PoolState['leased'][number] {
  return { id, name: `${id}.1.1.b`, holder, alive };
}

const retired = (id: string): PoolState['retired'][number] => ({ id, attempts: 0, nextAttemptMs: 0 });
const nothing: PoolState = { fresh: [], leased: [], kept: [], retired: [], garbage: [] };

function plan(clones: readonly CloneInfo[], state: Partial<PoolState>): Record<string, string[]> {
  const result = reconcile(clones, { ...nothing, ...state }, { newest: 's2', owners: null, nowMs });
  const ids: Record<string, string[]> = {};
  for (const [key, items] of Object.entries(result) as [string, readonly { readonly id: string }[]][]) {
    if (items.length > 0) ids[key] = items.map(({ id }) => id);
  }
  return ids;
}

describe('reconciling', () => {
  test('leaves a pool in order alone', () => {
    expect(plan([clone('1'), clone('2')], { fresh: [fresh('1')], leased: [leased('2', true)] })).toEqual({ fresh: ['1'], leased: ['2'] });
  });
  test('destroys what is retired, without state, or whose holder is dead', () => {
    expect(plan([clone('1'), clone('2'), clone('3')], { retired: [retired('1')], leased: [leased('3', false)] })).toEqual({
      retireLeased: ['3'],
      destroy: ['3', '1', '2'],
    });
  });
  test('never destroys what a living process has, what is kept, or what may be in the making', () => {
    expect(
      plan([clone('1'), clone('2', { kept: true }), clone('3', { marked: false }), clone('4', { marked: false, createdMs: null })], {
        leased: [leased('1', true)],
      }),
    ).toEqual({ leased: ['1'] });
    expect(plan([clone('2', { kept: true })], { retired: [retired('2')] })).toEqual({ dropRetired: ['2'] });
  });
  test('leaves the clone of a session to it, whatever happened to its runs', () => {
    const session = [clone('1', { kept: true, session: 'text' })];
    expect(plan(session, {})).toEqual({});
    expect(plan(session, { kept: [{ id: '1' }] })).toEqual({});
    expect(plan(session, { leased: [leased('1', true)] })).toEqual({ leased: ['1'] });
    expect(plan(session, { leased: [leased('1', false)] })).toEqual({ keepLeased: ['1'] });
  });
  test('destroys what was a session once the storage does not keep it any more', () => {
    expect(plan([clone('1')], { kept: [{ id: '1' }] })).toEqual({ retireKept: ['1'], destroy: ['1'] });
    expect(plan([], { kept: [{ id: '1' }] })).toEqual({ dropKept: ['1'] });
  });
  test('destroys what a crash left unmarked a minute ago', () => {
    expect(plan([clone('1', { marked: false, createdMs: nowMs - 60_001 })], {})).toEqual({ destroy: ['1'] });
  });
  test('drops state without a clone, except that of a living holder, who may be making it', () => {
    expect(plan([], { fresh: [fresh('1')], leased: [leased('2', true), leased('3', false)], retired: [retired('4')] })).toEqual({
      leased: ['2'],
      dropFresh: ['1'],
      dropLeased: ['3'],
      dropRetired: ['4'],
    });
  });
  test('retires fresh clones whose state is not theirs, not whole, or no longer in place', () => {
    const state = [{ ...fresh('1'), state: null }, fresh('2', nowMs, 'other'), { ...fresh('3'), inPlace: false }, fresh('4')];
    expect(
      plan(
        ['1', '2', '3', '4'].map((id) => clone(id)),
        { fresh: state },
      ),
    ).toEqual({ fresh: ['4'], retireFresh: ['1', '2', '3'], destroy: ['1', '2', '3'] });
  });
  test('puts clones of an older snapshot first, then the oldest', () => {
    expect(plan([clone('1'), clone('2'), clone('3', { source: 's1' })], { fresh: [fresh('1', 2), fresh('2', 1), fresh('3', 3)] })).toEqual({
      fresh: ['3', '2', '1'],
    });
  });
});

test('retires fresh clones whose files have ids that sandboxes no longer get', () => {
  const shifted = (id: string, uidBase: number): PoolState['fresh'][number] => {
    const { state, ...entry } = fresh(id);
    const rootfs = rootfsOf({ kind: 'tree', source: `/m/${id}`, ownership: { kind: 'shifted', uidBase, gidBase: 7 }, idmappable: false });
    return { ...entry, state: state === null ? null : { ...state, rootfs } };
  };
  const state = { ...nothing, fresh: [shifted('1', 100), shifted('2', 200)] };
  const owners = { kind: 'shifted', uidBase: 200, gidBase: 7 } as const;
  const { fresh: left, retireFresh } = reconcile([clone('1'), clone('2')], state, { newest: 's2', owners, nowMs });
  expect({ left: left.map(({ id }) => id), retireFresh }).toEqual({ left: ['2'], retireFresh: [{ id: '1', warning: null }] });
});
