import { expect, test } from 'vitest';
import { parseMountinfo } from '../../../src/host/mountinfo.ts';
import { isHeld, locate } from '../../../src/storage/holders.ts';

const mounts = parseMountinfo(
  [
    '22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
    '23 22 0:20 / /proc rw - proc proc rw',
    '24 22 8:2 /@var /var rw - btrfs /dev/sda2 rw',
    '25 22 0:41 / /run/isolate/mnt/t/1 rw,relatime - fuse.zfs tank/t_1 rw',
    '26 22 0:42 / /home/me/evil rw,relatime - fuse.sshfs tank/t_2 rw',
    '27 22 8:2 /@var/lib/isolate/overlay/t-1/7/upper /somewhere rw - btrfs /dev/sda2 rw',
    '28 22 0:43 / /newroot rw - overlay overlay rw,lowerdir=/t,upperdir=/var/lib/isolate/overlay/t-1/8/upper,workdir=/w',
  ].join('\n'),
);

test('finds a dataset by its name on a ZFS file system', () => {
  expect(isHeld(mounts, { kind: 'zfs', dataset: 'tank/t_1' })).toBe(true);
  expect(isHeld(mounts, { kind: 'zfs', dataset: 'tank/t_10' })).toBe(false);
});

test("does not take a user's FUSE mount with a dataset's name for the dataset", () => {
  expect(isHeld(mounts, { kind: 'zfs', dataset: 'tank/t_2' })).toBe(false);
});

test('finds where a path lies in its file system', () => {
  expect(locate(mounts, '/var/lib/isolate/overlay/t-1/7')).toEqual({ device: '8:2', root: '/@var/lib/isolate/overlay/t-1/7' });
  expect(locate(mounts, '/variable')).toEqual({ device: '8:1', root: '/variable' });
  expect(locate([], '/var')).toBeNull();
});

test.each([
  ['a bind mount of its upper layer', '7', true],
  ['an overlay with its upper layer', '8', true],
  ['nothing', '9', false],
])('finds the holder of layers by %s', (_name, id, held) => {
  const path = `/var/lib/isolate/overlay/t-1/${id}`;
  const place = locate(mounts, path);
  expect(place !== null && isHeld(mounts, { kind: 'directory', ...place, path })).toBe(held);
});
