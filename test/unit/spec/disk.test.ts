import { expect, test } from 'vitest';

import { parseDisks } from '../../../src/spec/disk.ts';

test('disks have a tag, a file and a format, which the name of the file says unless it is given', () => {
  expect(parseDisks(['cache=c.img', 'd-1.x=/srv/a=b,c.qcow2,ro', 'e=/srv/e.qcow2,format=raw,rw'], '/work')).toEqual([
    { tag: 'cache', file: '/work/c.img', format: 'raw', readOnly: false },
    { tag: 'd-1.x', file: '/srv/a=b,c.qcow2', format: 'qcow2', readOnly: true },
    { tag: 'e', file: '/srv/e.qcow2', format: 'raw', readOnly: false },
  ]);
});

test.each([
  [['a'], 'Missing disk source string on "a".'],
  [['a='], 'Missing disk source string on "a=".'],
  [['=b'], '"" cannot be the tag of a disk.'],
  [['../x=b'], '"../x" cannot be the tag of a disk.'],
  [['file:a=b'], '"file:a" cannot be the tag of a disk.'],
  [['a=b,format=vmdk'], 'Unknown disk image format: "vmdk" in "a=b,format=vmdk".'],
  [['a=b', 'a=c'], 'Two disks have the tag "a".'],
])('the disks %j are refused with their own error', (given, message) => {
  expect(() => parseDisks(given, '/work')).toThrow(expect.objectContaining({ code: 'usage', message }));
});
