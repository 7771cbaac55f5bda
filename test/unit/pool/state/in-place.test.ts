import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findMountId, hasMountId, isStillMounted, readMountTable } from '../../../../src/pool/state/in-place.ts';
import type { CloneState } from '../../../../src/pool/state/state-file.ts';

function stateOf(path: string, device: number, inode = 4): CloneState {
  return {
    id: '1',
    guid: '1',
    source: 's',
    rootfs: { parts: [{ kind: 'tree', source: path, ownership: { kind: 'natural' }, idmappable: false }] },
    createdMs: 0,
    device,
    inode,
  };
}

const line = (device: string, root: string, mountpoint: string): string =>
  `90 40 ${device} ${root} ${mountpoint} rw - fuse.zfs tank/t_1 rw\n`;

test.each([
  ['the mount that was made', line('0:99', '/', '/nowhere/k/1'), true],
  ['another file system at its place', line('0:98', '/', '/nowhere/k/1'), false],
  ['a part of the file system at its place', line('0:99', '/etc', '/nowhere/k/1'), false],
  ['covered by another mount', line('0:99', '/', '/nowhere/k/1') + line('0:42', '/', '/nowhere/k/1'), false],
  ['on top of another mount', line('0:42', '/', '/nowhere/k/1') + line('0:99', '/', '/nowhere/k/1'), true],
  ['a directory of that name that is mounted elsewhere', line('0:99', '/nowhere/k/1', '/elsewhere'), false],
  ['no mount', line('0:99', '/', '/nowhere/k/10'), false],
])('a clone is judged by the table of mounts: %s', (_name, table, there) => {
  expect(isStillMounted(stateOf('/nowhere/k/1', 99), line('0:1', '/', '/') + table)).toBe(there);
});

test('a path and a large device are read as the kernel writes them', () => {
  const table = line('0:99', '/', '/').replace('0:99', '8:1') + line('259:300', '/', String.raw`/nowhere/a\134x2db\040c/1`);
  const device = 259 * 256 + (300 & 0xff) + 0x100000;
  expect(isStillMounted(stateOf(String.raw`/nowhere/a\x2db c/1`, device), table)).toBe(true);
});

test('a real mount is where stat(2) finds it', () => {
  expect(isStillMounted(stateOf('/proc', statSync('/proc').dev), readMountTable())).toBe(true);
});

test('a directory that is no mount is known by its inode', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-in-place-'));
  const { dev, ino } = statSync(directory);
  expect(isStillMounted(stateOf(directory, dev, ino))).toBe(true);
  expect(isStillMounted(stateOf(directory, dev, ino + 1))).toBe(false);
  rmSync(directory, { recursive: true });
  expect(isStillMounted(stateOf(directory, dev, ino))).toBe(false);
});

test('a mount is known again by its id, and by no other', () => {
  const id = findMountId(stateOf('/proc', statSync('/proc').dev), readMountTable()) ?? '';
  expect([hasMountId('/proc', id), hasMountId('/proc/self', id), hasMountId('/proc', '1'), hasMountId('/nowhere', id)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect([hasMountId('/proc/sys', id), hasMountId('/', id)]).toEqual([true, false]);
});

test('what is no mount of its own, or another, has no id', () => {
  expect(findMountId(stateOf('/nowhere', 99), line('0:98', '/', '/nowhere'))).toBe(null);
  expect(findMountId(stateOf('/elsewhere', 99), line('0:99', '/', '/nowhere'))).toBe(null);
});
