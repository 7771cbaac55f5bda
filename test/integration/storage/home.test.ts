import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { findHome } from '../../../src/storage/clones/home.ts';
import { mountScratch, tool } from '../../rig/disk.ts';

let directory: string;
let disk: string;
let state: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-home-'));
  [disk, state] = [join(directory, 'disk'), join(directory, 'state')];
  mkdirSync(disk);
  await mountScratch('btrfs', join(directory, 'image'), disk);
  await tool('/bin/btrfs', 'subvolume', 'create', join(disk, 'template'));
});
afterAll(async () => {
  await tool('/bin/umount', disk);
  rmSync(directory, { recursive: true });
});

function refusalOf(template: string): string {
  try {
    return findHome('dir', template, state).directory;
  } catch (error) {
    return (error as Error).message.replaceAll(directory, 'DIRECTORY');
  }
}

test('clones are beside the template if the state is on another file system', () => {
  const shared = join(disk, '.template.clones');
  expect(findHome('btrfs', join(disk, 'template'), state)).toEqual({
    directory: join(shared, 'btrfs'),
    noted: expect.stringMatching(/\/state\/btrfs\/template-[0-9a-f]{16}$/) as string,
    shared,
  });
});

test('clones are in the state directory if that is on the file system of the template, in another subvolume of it too', async () => {
  await tool('/bin/btrfs', 'subvolume', 'create', join(disk, 'state'));
  const place = expect.stringMatching(/\/disk\/state\/of\/isolate\/btrfs\/template-[0-9a-f]{16}$/) as string;
  expect(findHome('btrfs', join(disk, 'template'), join(disk, 'state/of/isolate'))).toEqual({
    directory: place,
    noted: place,
    shared: join(disk, 'state/of/isolate/btrfs'),
  });
});

test('a template that is a whole file system has no clones beside it', () => {
  expect(refusalOf(disk)).toBe('DIRECTORY/disk is a whole file system, so there is no place for clones beside it.');
});

test.each([
  ['everyone can write to the directory', (parent: string) => chmodSync(parent, 0o1777), 'everyone can write to DIRECTORY/disk/parent'],
  ['it is another user’s', (parent: string) => chownSync(parent, 54_451, 0), 'user 54451 can write to DIRECTORY/disk/parent'],
  ['a link is there', (parent: string) => symlinkSync('/etc', join(parent, '.template.clones')), 'something else is there'],
  ['another user’s directory is there', plantDirectory, 'something else is there'],
])('no clones are kept where %s', (_what, spoil, reason) => {
  const parent = join(disk, 'parent');
  mkdirSync(join(parent, 'template'), { recursive: true });
  try {
    expect(refusalOf(join(parent, 'template'))).toBe(join(parent, '.template.clones/dir'));
    spoil(parent);
    expect(refusalOf(join(parent, 'template'))).toBe(`Clones cannot be kept in DIRECTORY/disk/parent/.template.clones: ${reason}.`);
  } finally {
    rmSync(parent, { recursive: true });
  }
});

function plantDirectory(parent: string): void {
  mkdirSync(join(parent, '.template.clones'));
  chownSync(join(parent, '.template.clones'), 54_451, 0);
}
