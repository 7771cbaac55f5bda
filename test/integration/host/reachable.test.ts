import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { isReachableByOthers } from '../../../src/host/reachable.ts';

let parent: string;
let tree: string;
const mounted: string[] = [];
beforeEach(() => {
  parent = mkdtempSync(join(realpathSync(tmpdir()), 'reachable-'));
  tree = join(parent, 'tree');
  mkdirSync(tree);
});
afterEach(() => {
  for (const path of mounted.splice(0).toReversed()) execFileSync('umount', [path]);
});

function bind(source: string, options: string): void {
  const target = mkdtempSync(join(realpathSync(tmpdir()), 'elsewhere-'));
  chmodSync(target, 0o755);
  execFileSync('mount', ['--bind', source, target]);
  mounted.push(target);
  execFileSync('mount', ['-o', `remount,bind,${options}`, target]);
}

test('a tree below a directory of root alone is out of reach', () => {
  expect(isReachableByOthers(tree)).toBe(false);
});

test('a tree that every directory on the way leads to is in reach', () => {
  chmodSync(parent, 0o755);
  expect(isReachableByOthers(tree)).toBe(true);
});

test('a directory of another user keeps everybody out but that user', () => {
  chownSync(parent, 1000, 1000);
  expect(isReachableByOthers(tree)).toBe(true);
});

test('a tree that is mounted once more in the open is in reach there', () => {
  bind(tree, 'suid');
  expect(isReachableByOthers(tree)).toBe(true);
});

test('a part of a tree that is mounted in the open is in reach there', () => {
  mkdirSync(join(tree, 'part'));
  bind(join(tree, 'part'), 'suid');
  expect(isReachableByOthers(tree)).toBe(true);
});

test('a mount that honours no set-uid bits gives nothing to run', () => {
  bind(tree, 'nosuid');
  expect(isReachableByOthers(tree)).toBe(false);
});
