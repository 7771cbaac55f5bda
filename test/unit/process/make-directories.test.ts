import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { makeDirectories } from '../../../src/process/make-directories.ts';

let top = '';
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'isolate-make-'));
});
afterEach(() => rmSync(top, { recursive: true }));

test.each([0o777, 0o022, 0])('every directory that is missing gets the mode, with the umask %o', (umask) => {
  const before = process.umask(umask);
  try {
    makeDirectories(join(top, 'a/b/c'), 0o700);
  } finally {
    process.umask(before);
  }
  expect(['a', 'a/b', 'a/b/c'].map((name) => statSync(join(top, name)).mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
});

test('where nothing can be made it ends, and says what the system said', () => {
  writeFileSync(join(top, 'file'), '');
  const codeOf = (path: string): unknown => {
    try {
      makeDirectories(path, 0o700);
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  expect([codeOf('/proc/y/z'), codeOf(join(top, 'file')), codeOf(join(top, 'file/x')), codeOf(top)]).toEqual([
    'ENOENT',
    'EEXIST',
    'EEXIST',
    null,
  ]);
});
