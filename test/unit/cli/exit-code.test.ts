import { expect, test } from 'vitest';

import { exitCodeOf, exitCodeOfError } from '../../../src/cli/exit-code.ts';
import { signalNames } from '../../../src/launch/signals.ts';

test('the command keeps its own status from 0 to 255', () => {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  expect(codes.map((code) => exitCodeOf({ kind: 'exited', code }))).toEqual(codes);
});

test('a command killed by a signal gives 128 and the number of the signal', () => {
  const killed = [...signalNames, 'SIG40' as NodeJS.Signals];
  expect(killed.map((signal) => exitCodeOf({ kind: 'killed', signal }))).toEqual([...signalNames.map((_, index) => 129 + index), 168]);
});

test('what ran too long gives 124', () => {
  expect(exitCodeOf({ kind: 'timed-out' })).toBe(124);
});

test('a command that was not found gives 127, one that could not be executed 126', () => {
  expect(exitCodeOf({ kind: 'not-executed', errno: 'ENOENT' })).toBe(127);
  expect(exitCodeOf({ kind: 'not-executed', errno: 'EACCES' })).toBe(126);
  expect(exitCodeOf({ kind: 'not-executed', errno: 'ENOEXEC' })).toBe(126);
});

test('every error of a run gives 125, usage errors too', () => {
  expect([exitCodeOfError('run', 'usage'), exitCodeOfError('run', 'no-free-clone'), exitCodeOfError('run', 'internal')]).toEqual([
    125, 125, 125,
  ]);
});

test('other verbs give 2 for a usage error and 1 for any other', () => {
  expect([exitCodeOfError('refresh', 'usage'), exitCodeOfError('refresh', 'bad-name'), exitCodeOfError('doctor', 'internal')]).toEqual([
    2, 2, 1,
  ]);
});
