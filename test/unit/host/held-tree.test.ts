import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { readHeldTree } from '../../../src/host/held-tree.ts';
import { lookBeneath } from '../../../src/host/resolve-beneath.ts';

let directory: string;
let root: string;
let reader: ReturnType<typeof readHeldTree>;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-held-'));
  root = join(directory, 'root');
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  writeFileSync(join(root, 'a/file'), '');
  symlinkSync('/a/b', join(root, 'link'));
  symlinkSync('../../../file', join(root, 'a/b/up'));
  reader = readHeldTree(root);
});
afterEach(() => {
  reader.close();
  rmSync(directory, { recursive: true });
});

test.each(['/', '/a/b/c', '/link/c', '/a/b/up', '/link/../file', '/a/b/c/none/more', '/../../a', '/a/file', '/a/b/../../link'])(
  '%s leads where it leads in a tree that nobody changes',
  (target) => {
    expect(lookBeneath(root, target, [], 'tree', reader)).toEqual(lookBeneath(root, target, [], 'tree'));
  },
);

test('a directory that becomes a link to the host leads nowhere', () => {
  mkdirSync(join(directory, 'host/c'), { recursive: true });
  writeFileSync(join(directory, 'host/secret'), '');
  expect(reader.look(['a', 'b'], 'c')?.isDirectory()).toBe(true);
  renameSync(join(root, 'a/b'), join(root, 'a/old'));
  symlinkSync(join(directory, 'host'), join(root, 'a/b'));
  // What was opened before is still the directory of the tree.
  expect(reader.look(['a', 'b'], 'secret')).toBeUndefined();
  const later = readHeldTree(root);
  expect(() => later.look(['a', 'b'], 'secret')).toThrow(/ENOTDIR|ELOOP/);
  expect(() => later.readLink(['a', 'b'], 'secret')).toThrow(/ENOTDIR|ELOOP/);
  later.close();
});

test('no descriptor is left, however deep a path is, and too deep ones are refused', () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const deep = Array.from({ length: 70 }, () => 'd');
  mkdirSync(join(root, ...deep), { recursive: true });
  reader.close();
  const before = descriptors();
  const own = readHeldTree(root);
  expect(own.look(deep.slice(0, 60), 'd')?.isDirectory()).toBe(true);
  expect(own.look(['d', 'd'], 'none')).toBeUndefined();
  expect(() => lookBeneath(root, `/${deep.join('/')}`, [], 'tree', own)).toThrow(
    'Paths through more than 64 directories are not looked up.',
  );
  own.close();
  expect(descriptors()).toBe(before);
  reader = readHeldTree(root);
});
