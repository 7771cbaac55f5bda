import { expect, test } from 'vitest';

import { builtInSandboxIds, chooseSandboxIds, parseSubidRanges, parseSubids, subordinateIdsCommand } from '../../../src/host/subid.ts';

const text = 'root:65536:65536\nada:100000:65536\n1000:300000:10\nada:900000:20\nisolate:1000000:1000000000\n';

test('a user owns the lines with its name and those with its uid, in order', () => {
  expect(parseSubids(text, 'ada', 1000)).toEqual([
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
    { start: 900_000, count: 20 },
  ]);
});

test.each([
  'ada:0:65536',
  'ada:1:0',
  'ada:1',
  'ada:1:2:3',
  'ada:-1:5',
  'ada:0x10:5',
  'ada:4294967290:6',
  'ada:12345678901:1',
  ':1:1',
  '# ada:1:1',
])('the line %j gives nobody any ids', (line) => {
  expect(parseSubids(line, 'ada', null)).toEqual([]);
});

test('the last id is not part of any range', () => {
  expect(parseSubids('ada:4294967290:5', 'ada', null)).toEqual([{ start: 4_294_967_290, count: 5 }]);
});

test("sandboxes take the largest of the user isolate's ranges", () => {
  const ranges = [
    { start: 100_000, count: 65_536 },
    { start: 1_000_000, count: 655_360 },
  ];
  expect(chooseSandboxIds(ranges)).toEqual({ start: 1_000_000, count: 655_360 });
});

test('a range too small for two sandboxes, one of which may have shifted owners, is not used', () => {
  expect(chooseSandboxIds([{ start: 100_000, count: 131_071 }])).toEqual(builtInSandboxIds);
});

test("the built-in range lies between systemd's containers and foreign images", () => {
  const last = builtInSandboxIds.start + builtInSandboxIds.count - 1;
  expect({ start: builtInSandboxIds.start, last }).toEqual({ start: 0x7000_0000, last: 0x7ffd_ffff });
});

test.each([
  ['', '100000-165535'],
  ['ada:100000:65536\n', '165536-231071'],
  ['bob:165536:65536\nada:100000:65536\nroot:10000:1000\n', '231072-296607'],
  ['ada:100000:65536\nisolate:1000000000:6553600\n', '165536-231071'],
  ['ada:150000:65536\n', '215536-281071'],
  ['ada:300000:10\nbob:165536:10\n', '100000-165535'],
])('beside %j a user is given ids that nobody has', (taken, block) => {
  expect(subordinateIdsCommand('eve', parseSubidRanges(taken))).toBe(`usermod --add-subuids ${block} --add-subgids ${block} eve`);
});
