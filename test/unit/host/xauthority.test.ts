import { expect, test } from 'vitest';

import {
  findCookie,
  formatCookie,
  formatXauthority,
  magicCookie,
  parseXauthority,
  type XauthorityEntry,
} from '../../../src/host/xauthority.ts';

const entry = (family: number, address: string, number: string, data: string, name = magicCookie): XauthorityEntry => ({
  family,
  address: Buffer.from(address),
  number,
  name,
  data: Buffer.from(data),
});

test("this host's cookie goes before one for any address, that before one of another name", () => {
  const entries = [entry(256, 'old', '0', 'c'), entry(0xffff, '', '0', 'b'), entry(256, 'here', '0', 'a'), entry(0, '', '0', 'tcp')];
  expect([
    findCookie(entries, '0', 'here'),
    findCookie(entries.slice(0, 2), '0', 'here'),
    findCookie(entries.slice(0, 1), '0', 'here'),
    findCookie(entries.slice(3), '0', 'here'),
  ]).toEqual([Buffer.from('a'), Buffer.from('b'), Buffer.from('c'), null]);
});

test('only magic cookies of the display count', () => {
  const entries = [entry(256, 'here', '1', 'other'), entry(256, 'here', '0', 'x', 'XDM-AUTHORIZATION-1'), entry(256, 'here', '', 'any')];
  expect(findCookie(entries, '0', 'here')).toEqual(Buffer.from('any'));
});

test('a cookie made for a sandbox fits any host name', () => {
  expect(parseXauthority(formatCookie('7', Uint8Array.of(1, 2)))).toEqual([
    { family: 0xffff, address: new Uint8Array(), number: '7', name: magicCookie, data: Uint8Array.of(1, 2) },
  ]);
});

test('a truncated file gives the records before the damage', () => {
  const bytes = formatXauthority([entry(256, 'here', '0', 'abc'), entry(256, 'here', '1', 'def')]);
  expect(parseXauthority(bytes.subarray(0, bytes.length - 1)).map((record) => record.number)).toEqual(['0']);
});
