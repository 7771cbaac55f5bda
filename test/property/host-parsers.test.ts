import fc from 'fast-check';
import { expect, test } from 'vitest';

import { chooseCgroups, parseCgroups } from '../../src/host/cgroup.ts';
import { parseMountinfo } from '../../src/host/mountinfo.ts';
import { chooseSandboxIds, parseSubids } from '../../src/host/subid.ts';
import { parseDisplay } from '../../src/host/x11-display.ts';
import { formatXauthority, parseXauthority } from '../../src/host/xauthority.ts';

const latin1 = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const record = fc.record({
  family: fc.integer({ min: 0, max: 0xffff }),
  address: fc.uint8Array({ maxLength: 40 }),
  number: latin1(5),
  name: latin1(20),
  data: fc.uint8Array({ maxLength: 40 }),
});

test('every list of X authority records survives its own format', () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      expect(parseXauthority(formatXauthority(records))).toEqual(records);
    }),
  );
});

test('a cut X authority file gives a beginning of its records', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1 }), fc.nat(), (records, cut) => {
      const bytes = formatXauthority(records);
      const parsed = parseXauthority(bytes.subarray(0, cut % bytes.length));
      expect(parsed).toEqual(records.slice(0, parsed.length));
    }),
  );
});

test('whatever bytes an X authority file has, reading it ends', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => Array.isArray(parseXauthority(bytes))));
});

test('no subordinate range ever holds root or an invalid id', () => {
  const line = fc.tuple(fc.constantFrom('ada', '7', 'x'), fc.bigInt({ min: -5n, max: 2n ** 33n }), fc.bigInt({ min: -5n, max: 2n ** 33n }));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.map((fields) => fields.join(':')).join('\n');
      for (const { start, count } of [...parseSubids(text, 'ada', 7), chooseSandboxIds(parseSubids(text, 'ada', 7))]) {
        expect(start > 0 && count > 0 && start + count <= 0xffff_ffff).toBe(true);
      }
    }),
  );
});

test('a display only ever leads to a socket of the X11 directory', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(':', '0', '1', '.', '/', 'unix', '-', ' ', '\n') }));
  fc.assert(
    fc.property(text, (display) => {
      const parsed = parseDisplay(display);
      expect(parsed === null || /^\/tmp\/\.X11-unix\/X\d+$/.test(parsed.socket)).toBe(true);
    }),
  );
});

test('a cgroup is only ever chosen below a cgroup mount', () => {
  const path = fc.array(fc.constantFrom('a', 'b', '..', '.'), { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(path, fc.constantFrom('/', '/a', '/a/b'), (group, root) => {
      const mounts = parseMountinfo(`30 23 0:26 ${root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`);
      const chosen = chooseCgroups(['cpu'], mounts, parseCgroups(`0::${group}\n`), { words: () => ['cpu'], writable: () => true }).cpu;
      expect(chosen === null || /^\/sys\/fs\/cgroup(\/[^.][^/]*|\/\.)*$/.test(chosen.directory)).toBe(true);
    }),
  );
});
