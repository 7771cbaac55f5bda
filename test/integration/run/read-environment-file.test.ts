import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { readEnvironmentFile } from '../../../src/run/read-environment-file.ts';

/** A pipe with somebody at its other end. */
function makePipe(): { readonly path: string; readonly end: number } {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-environment-'));
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const end = openSync(path, constants.O_RDWR);
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return { path, end };
}

test('a pipe that somebody holds open without writing is given up', () => {
  const { path, end } = makePipe();
  onTestFinished(() => closeSync(end));
  writeSync(end, 'A=1\n');
  expect(() => readEnvironmentFile(path, 50)).toThrow(`Nothing has come from ${JSON.stringify(path)} for 0.05 s.`);
});
