import { expect, test } from 'vitest';

import { filesystemName, idmappableFilesystem } from '../../../src/host/filesystem.ts';

const kernel = (major: number, minor: number) => ({ major, minor });
const defaults = { kernel: kernel(6, 1), zfs: null, devtmpfs: false };

test.each([
  ['ext4', 0xef53, kernel(5, 12), true],
  ['ext4', 0xef53, kernel(5, 11), false],
  ['xfs', 0x58465342, kernel(6, 1), true],
  ['btrfs', 0x9123683e, kernel(5, 14), false],
  ['btrfs', 0x9123683e, kernel(5, 15), true],
  ['tmpfs', 0x01021994, kernel(6, 1), false],
  ['tmpfs', 0x01021994, kernel(6, 3), true],
  ['fat', 0x4d44, kernel(6, 1), true],
  ['overlay', 0x794c7630, kernel(6, 18), false],
  ['fuse', 0x65735546, kernel(6, 18), false],
  ['nfs', 0x6969, kernel(6, 18), false],
])('%s (%i) on kernel %j can be mounted idmapped: %j', (name, magic, release, answer) => {
  expect({ name: filesystemName(magic), idmappable: idmappableFilesystem({ ...defaults, magic, kernel: release }) }).toEqual({
    name: name,
    idmappable: answer,
  });
});

test('devtmpfs never can, although it has the magic of tmpfs', () => {
  expect(idmappableFilesystem({ ...defaults, magic: 0x01021994, kernel: kernel(6, 18), devtmpfs: true })).toBe(false);
});

test.each([
  [null, false],
  [{ major: 2, minor: 1 }, false],
  [{ major: 2, minor: 2 }, true],
])('OpenZFS %j can be mounted idmapped: %j', (zfs, answer) => {
  expect(idmappableFilesystem({ ...defaults, magic: 0x2fc12fc1, zfs })).toBe(answer);
});

test('an unknown file system is named by its number', () => {
  expect(filesystemName(0xabc)).toBe('0xabc');
});
