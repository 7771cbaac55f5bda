import { spawnSync } from 'node:child_process';

import { expect, test } from 'vitest';

import { renderCompletion } from '../../src/cli/completion.ts';

/** What bash offers for the last word of a line. */
function complete(...words: string[]): string[] {
  const script = `${renderCompletion('bash', ['bwrap', 'lxc'])}
compopt() { :; }
_command_offset() { COMPREPLY=("command at $1"); }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _isolate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash completes options, in long form from their beginning', () => {
  expect(complete('isolate', '--ti')).toEqual(['--timeout']);
  expect(complete('isolate', '-n', '--no')).toEqual(['--no-seccomp']);
});

test('bash completes the names of engines behind -e', () => {
  expect(complete('isolate', '-e', '')).toEqual(['bwrap', 'lxc']);
  expect(complete('isolate', '-n', '--engine', 'l')).toEqual(['lxc']);
});

test('bash completes verbs first', () => {
  expect(complete('isolate', 'refr')).toContain('refresh');
});

test("bash leaves the command's own words to the command's completion", () => {
  expect(complete('isolate', '-z', 'tank/a', 'git', 'ch')).toEqual(['command at 3']);
  expect(complete('isolate', '-z', 'tank/a', '--', 'git', 'ch')).toEqual(['command at 4']);
  expect(complete('isolate', '-n', 'refresh', '--f')).toEqual(['command at 2']);
});
