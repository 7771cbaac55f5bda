import { expect, test } from 'vitest';

import { parseMountinfo } from '../../../src/host/mountinfo.ts';

test('a line with propagation and escaped blanks is read whole', () => {
  const line = '36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime master:1 shared:7 - ext3 /dev/ro\\011ot rw,errors=continue\n';
  expect(parseMountinfo(line)).toEqual([
    {
      id: 36,
      parent: 35,
      device: '98:0',
      root: '/mnt1',
      mountpoint: '/mnt 2\\x',
      options: ['rw', 'noatime'],
      propagation: ['master:1', 'shared:7'],
      type: 'ext3',
      source: '/dev/ro\tot',
      superOptions: ['rw', 'errors=continue'],
    },
  ]);
});

test('a line without optional fields is private, and other lines are skipped', () => {
  const text = 'nonsense\n23 27 0:22 / /sys rw - sysfs sysfs rw\n1 2 3\n';
  expect(parseMountinfo(text).map((entry) => [entry.mountpoint, entry.propagation, entry.type])).toEqual([['/sys', [], 'sysfs']]);
});
