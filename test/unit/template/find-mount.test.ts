import { expect, test } from 'vitest';

import { parseMountinfo } from '../../../src/host/mountinfo.ts';
import { findMount } from '../../../src/template/dataset/mount.ts';

const real = [
  '40 1 0:50 / /rpool/x rw,nosuid - zfs rpool/x rw,xattr',
  '41 1 0:51 / /fuse/y rw - fuse.zfs fuse/y rw,user_id=0,group_id=0,allow_other',
];

test.each([
  [
    'a file system of another user that is called like it',
    '50 1 0:60 / /home/ada/x rw,nosuid - fuse.zfs rpool/x rw,user_id=1000,group_id=1000',
  ],
  ['a directory of it', '50 1 0:50 /etc /home/ada/etc rw - zfs rpool/x rw,xattr'],
])('the tree of a dataset is not %s', (_, other) => {
  const mounts = parseMountinfo([...real, other].join('\n'));
  expect([findMount('rpool/x', mounts), findMount('fuse/y', mounts)]).toEqual(['/rpool/x', '/fuse/y']);
  expect(findMount('rpool/x', parseMountinfo(other))).toBe(null);
});
