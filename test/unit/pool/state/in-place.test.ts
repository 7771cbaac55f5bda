import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findMountId, isMountRoot } from '../../../../src/pool/mount-root.ts';
import { checkInOrder, findStillThere } from '../../../../src/pool/state/in-place.ts';
import { rootfsOf } from '../../../../src/rootfs/rootfs.ts';
import type { CloneRecord } from '../../../../src/pool/state/state-file.ts';

function stateOf(path: string, device: number, inode: number): CloneRecord {
  const rootfs = rootfsOf({ kind: 'tree', source: path, ownership: { kind: 'natural' }, idmappable: false });
  return { id: '1', guid: '1', source: 's', rootfs, createdMs: 0, device, inode };
}

test('a directory is a mount if what it lies in is another one', () => {
  const places = ['/proc', '/proc/sys', '/usr/bin', '/nowhere'];
  expect(Object.fromEntries(places.map((path) => [path, isMountRoot(path)]))).toEqual({
    '/proc': true,
    '/proc/sys': false,
    '/usr/bin': false,
    '/nowhere': false,
  });
});

test('what lies on one mount has one id, and what is not there has none', () => {
  expect(findMountId('/proc/sys')).toBe(findMountId('/proc'));
  expect(findMountId('/proc')).not.toBe(findMountId('/'));
  expect(findMountId('/nowhere')).toBe(null);
});

test('a clone that is a mount, on the shelf or the host, is there whatever its inode, and a directory is known by its own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-in-place-'));
  const { dev, ino } = statSync(directory);
  const onHost = (path: string): string => path;
  expect({
    shelf: findStillThere(stateOf('/clone', 0, 0), (path) => `/shelf${path}`),
    mount: findStillThere(stateOf('/proc', 0, 0), onHost),
    same: findStillThere(stateOf(directory, dev, ino), onHost),
    other: findStillThere(stateOf(directory, dev, ino + 1), onHost),
  }).toEqual({ shelf: '/shelf/clone', mount: '/proc', same: directory, other: null });
  rmSync(directory, { recursive: true });
  expect(findStillThere(stateOf(directory, dev, ino), onHost)).toBe(null);
});

test('once a clone on the shelf answers, later ones there are not looked at, and those on the host are', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-in-place-'));
  const { dev, ino } = statSync(directory);
  const [there, gone, onHost] = [stateOf('/there', dev, ino), stateOf('/gone', dev, ino + 1), stateOf('/nowhere', dev, ino)];
  const isInPlace = checkInOrder((path) => (path === '/nowhere' ? path : directory));
  const judged: boolean[] = [];
  for (const state of [gone, there, gone, onHost]) judged.push(await isInPlace(state));
  expect(judged).toEqual([false, true, true, false]);
  rmSync(directory, { recursive: true });
});
