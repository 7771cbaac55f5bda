import { chmodSync, chownSync, lchownSync, linkSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { planUserMaps } from '../../../src/engine/user-maps.ts';
import { mapOwners } from '../../../src/storage/map-owners.ts';

const base = 1_879_048_192;
const shifted = { kind: 'shifted', uidBase: base, gidBase: base } as const;
const maps = planUserMaps({
  uid: 1000,
  gid: 2000,
  subordinateUids: [{ start: 100_000, count: 65_536 }],
  subordinateGids: [{ start: 300_000, count: 65_536 }],
});

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'isolate-owners-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function owners(...names: string[]): unknown {
  return names.map((name) => {
    const { uid, gid, mode } = lstatSync(join(directory, name));
    return [name, uid, gid, (mode & 0o7777).toString(8)];
  });
}

test('files get the owners that the namespace shows as theirs, under all their names, and links are not followed', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'isolate-outside-'));
  chownSync(outside, base, base);
  mkdirSync(join(directory, 'sub'));
  writeFileSync(join(directory, 'sub/su'), '');
  linkSync(join(directory, 'sub/su'), join(directory, 'again'));
  writeFileSync(join(directory, 'foreign'), '');
  symlinkSync(outside, join(directory, 'link'));
  for (const name of ['', 'link']) lchownSync(join(directory, name), base, base);
  chownSync(join(directory, 'sub'), base + 42, base + 8);
  chownSync(join(directory, 'sub/su'), base + 65_535, base + 1);
  chmodSync(join(directory, 'sub/su'), 0o6755);
  chownSync(join(directory, 'foreign'), base + 65_536, base - 1);
  try {
    await mapOwners(directory, shifted, maps);
    expect(owners('', 'sub', 'sub/su', 'again', 'link', 'foreign')).toEqual([
      ['', 1000, 2000, '700'],
      ['sub', 100_041, 300_007, '755'],
      ['sub/su', 165_534, 300_000, '6755'],
      ['again', 165_534, 300_000, '6755'],
      ['link', 1000, 2000, '777'],
      ['foreign', base + 65_536, base - 1, '644'],
    ]);
    expect(lstatSync(outside)).toMatchObject({ uid: base, gid: base });
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test('a user without subordinate ids gets what belongs to 0, and the rest stays', async () => {
  writeFileSync(join(directory, 'root'), '');
  writeFileSync(join(directory, 'other'), '');
  chownSync(join(directory, 'other'), 7, 0);
  await mapOwners(directory, { kind: 'natural' }, planUserMaps({ uid: 1000, gid: 2000, subordinateUids: [], subordinateGids: [] }));
  expect(owners('', 'root', 'other')).toEqual([
    ['', 1000, 2000, '700'],
    ['root', 1000, 2000, '644'],
    ['other', 7, 2000, '644'],
  ]);
});

test('no owner is ever made root of the host', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(0xffff_fffe), fc.nat(70_000), async (id, inside) => {
      const file = join(directory, 'file');
      writeFileSync(file, '');
      for (const uid of [id, base + inside]) {
        chownSync(file, uid, uid);
        await mapOwners(directory, shifted, maps);
        const found = lstatSync(file);
        if (uid !== 0) expect([found.uid, found.gid]).not.toContain(0);
      }
    }),
    { numRuns: 200 },
  );
});

test('an aborted walk ends between two directories, and leaves the root unchanged', async () => {
  chownSync(directory, base, base);
  await expect(mapOwners(directory, shifted, maps, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect(owners('')).toEqual([['', base, base, '700']]);
});

test('files get their owners whatever bytes their names have', async () => {
  for (const name of ['\xff', 'new\nline']) writeFileSync(Buffer.from(`${directory}/${name}`, 'latin1'), '');
  await mapOwners(directory, { kind: 'natural' }, maps);
  const uids = ['\xff', 'new\nline'].map((name) => lstatSync(Buffer.from(`${directory}/${name}`, 'latin1')).uid);
  expect(uids).toEqual([1000, 1000]);
});
