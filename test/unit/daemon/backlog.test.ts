import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createBacklog, type Hold } from '../../../src/daemon/backlog.ts';

const limits = { userBytes: 40, allBytes: 100 };

test('a user has room for so much at once over all connections, root for as much as all have', () => {
  const backlog = createBacklog(limits);
  const open = (uid: number) => backlog.open(uid, () => {});
  const holds = Array.from({ length: 5 }, () => open(1).hold(10));
  expect(holds.map((hold) => hold !== null)).toEqual([true, true, true, true, false]);
  expect(open(2).hold(40)).not.toBeNull();
  expect(open(2).hold(1)).toBeNull();
  holds[0]?.release();
  const again = open(1).hold(4);
  expect({ size: backlog.size(), grown: again?.resize(10), tooMuch: again?.resize(11), kept: backlog.size() }).toEqual({
    size: 74,
    grown: true,
    tooMuch: false,
    kept: 80,
  });
  const alone = createBacklog(limits);
  const root = alone.open(0, () => {});
  expect({ hundred: root.hold(100) !== null, more: root.hold(1) !== null }).toEqual({ hundred: true, more: false });
});

test('where all have too much, the user who has most loses its latest connection to one who has less', () => {
  const backlog = createBacklog(limits);
  const evicted: string[] = [];
  const open = (uid: number, name: string) => backlog.open(uid, () => evicted.push(name));
  const [first, latest] = [open(1, 'first'), open(1, 'latest')];
  first.hold(20);
  const lost = latest.hold(20);
  open(2, 'second').hold(30);
  open(3, 'third').hold(30);
  expect(open(4, 'small').hold(5)).not.toBeNull();
  expect({ evicted, size: backlog.size() }).toEqual({ evicted: ['latest'], size: 85 });
  // What was lost is not counted off twice, and nothing more is taken on its connection.
  lost?.release();
  expect({ size: backlog.size(), again: latest.hold(1), grown: lost?.resize(1) }).toEqual({ size: 85, again: null, grown: false });
  // A user who would have as much as the greatest one waits behind it.
  expect(open(4, 'large').hold(30)).toBeNull();
  expect(evicted).toEqual(['latest']);
});

const steps = fc.array(fc.record({ uid: fc.integer({ min: 0, max: 5 }), bytes: fc.integer({ min: 1, max: 50 }), releases: fc.nat(2) }), {
  maxLength: 80,
});

test('neither limit is ever exceeded, a user below its part of the whole is always served, and all that is released is free again', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const backlog = createBacklog(limits);
      const held = new Map<number, Set<{ bytes: number; hold: Hold }>>();
      const sum = (uid: number): number => [...(held.get(uid) ?? [])].reduce((all, { bytes }) => all + bytes, 0);
      for (const { uid, bytes, releases } of list) {
        const own = held.get(uid) ?? new Set();
        held.set(uid, own);
        for (const one of [...own].slice(0, releases)) {
          one.hold.release();
          own.delete(one);
        }
        const entry = { bytes, hold: null as unknown as Hold };
        const before = sum(uid);
        const hold = backlog.open(uid, () => own.delete(entry)).hold(bytes);
        if (hold !== null) own.add(Object.assign(entry, { hold }));
        // Six users share the whole.
        else expect(before + bytes).toBeGreaterThan(Math.floor(limits.allBytes / 6));
        expect(backlog.size()).toBe([...held.keys()].reduce((all, user) => all + sum(user), 0));
        expect(backlog.size()).toBeLessThanOrEqual(limits.allBytes);
        for (const user of [1, 2, 3, 4, 5]) expect(sum(user)).toBeLessThanOrEqual(limits.userBytes);
      }
      for (const own of held.values()) for (const { hold } of own) hold.release();
      expect(backlog.size()).toBe(0);
    }),
  );
});
