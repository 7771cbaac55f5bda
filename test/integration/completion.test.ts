import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { renderCompletion } from '../../src/cli/completion.ts';
import { subVerbs, verbs } from '../../src/cli/verbs.ts';

/** What bash offers for the last word of a line. */
function complete(...words: string[]): string[] {
  return completeIn('/usr/bin:/bin', ...words);
}

function completeIn(path: string, ...words: string[]): string[] {
  return completeWith('_command_offset() { COMPREPLY=("command at $1"); }', path, ...words);
}

/** With functions as they are in the user's shell. */
function completeWith(functions: string, path: string, ...words: string[]): string[] {
  const script = `${renderCompletion('bash', ['bwrap', 'lxc'])}
compopt() { :; }
${functions}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _isolate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
    encoding: 'utf8',
    env: { PATH: path },
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash completes options, in long form from their beginning', () => {
  expect(complete('isolate', '--ti')).toEqual(['--timeout']);
  expect(complete('isolate', '-n', '--no')).toEqual(['--no-seccomp']);
});

test('bash completes the names of engines after -e', () => {
  expect(complete('isolate', '-e', '')).toEqual(['bwrap', 'lxc']);
  expect(complete('isolate', '-n', '--engine', 'l')).toEqual(['lxc']);
  expect(complete('isolate', '--engine', '=')).toEqual(['bwrap', 'lxc']);
  expect(complete('isolate', '--engine', '=', 'l')).toEqual(['lxc']);
  expect(complete('isolate', '--engine', '=', 'lxc', '-z', 'tank/a', 'git', 'ch')).toEqual(['command at 6']);
});

test('bash offers programs for the first word of a command, and no shell keywords', () => {
  expect(complete('isolate', '-n', 'whil')).toEqual([]);
  expect(complete('isolate', '-n', 'apt-ge')).toEqual(['apt-get']);
});

test('bash completes verbs first', () => {
  expect(complete('isolate', 'refr')).toEqual(['refresh']);
  expect(complete('isolate', 'st')).toEqual(['status']);
  expect(complete('isolate', '')).toEqual([...verbs]);
});

test('bash completes the second word of a verb, and then its options', () => {
  expect(complete('isolate', 'template', '')).toEqual([...subVerbs.template]);
  expect(complete('isolate', 'template', 'sho')).toEqual(['show']);
  expect(complete('isolate', 'template', 'list', '--js')).toEqual(['--json']);
  expect(complete('isolate', 'template', 'list', '')).toEqual([]);
});

test("bash leaves the command's own words to the command's completion", () => {
  expect(complete('isolate', '-z', 'tank/a', 'git', 'ch')).toEqual(['command at 3']);
  expect(complete('isolate', '-z', 'tank/a', '--', 'git', 'ch')).toEqual(['command at 4']);
  expect(complete('isolate', '-n', 'refresh', '--f')).toEqual(['command at 2']);
});

test('bash without the package bash-completion offers programs for a command, and files for its words', () => {
  const bare = (...words: string[]) => completeWith('', '/usr/bin:/bin', 'isolate', ...words);
  expect(bare('-t', 'D', '--', 'ls', '--')).toEqual([]);
  expect(bare('-t', 'D', 'ls', '/etc/hostna')).toEqual(['/etc/hostname']);
  expect(bare('-t', 'D', '--', 'apt-ge')).toEqual(['apt-get']);
  expect(bare('-t', 'D', '--', '/usr/bin/apt-ge')).toEqual(['/usr/bin/apt-get']);
  expect(bare('refresh', '-n', 'apt-ge')).toEqual([]);
});

test('bash completes only the options of the verb', () => {
  expect(complete('isolate', 'ps', '--w')).toEqual(['--watch']);
  expect(complete('isolate', 'status', '--')).not.toContain('--wayland');
  expect(complete('isolate', '--wa')).toEqual(['--wait', '--wayland'].toSorted());
  expect(complete('isolate', 'ps', '')).toEqual([]);
});

test('bash completes the templates that the daemon shows to this user, and stays silent without a daemon', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const document = { templates: [{ template: 'tank/b' }, { template: 'tank/a' }] };
  writeFileSync(join(directory, 'isolate'), `#!/bin/sh\n[ "$*" = 'list --json' ] && echo '${JSON.stringify(document)}'\n`, {
    mode: 0o755,
  });
  const zfs = '#!/bin/sh\necho "not permitted" >&2; exit 1\n';
  writeFileSync(join(directory, 'zfs'), zfs, { mode: 0o755 });
  const path = `${directory}:/usr/bin:/bin`;
  for (const words of [['status'], ['refresh', '--force'], ['watch'], ['-z'], ['-n', '--zfs']]) {
    expect(completeIn(path, 'isolate', ...words, 't')).toEqual(['tank/a', 'tank/b']);
  }
  writeFileSync(join(directory, 'isolate'), zfs, { mode: 0o755 });
  expect(completeIn(path, 'isolate', 'status', '')).toEqual([]);
  writeFileSync(join(directory, 'zfs'), '#!/bin/sh\nprintf "%s\\n" tank tank/c tank/c_12\n', { mode: 0o755 });
  expect(completeIn(path, 'isolate', '-z', '')).toEqual(['tank/c']);
});

test('bash completes presets and aliases, also with the @ as a word of its own, as readline gives it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const table = 'NAME VALUE FILE\\ntemplate debian f\\n@build --memory=1G f\\n@bench -- ls f\\nci isolate @build f\\n';
  writeFileSync(join(directory, 'isolate'), `#!/bin/sh\n[ "$*" = 'config show' ] && printf '${table}'\n`, { mode: 0o755 });
  const path = `${directory}:/usr/bin:/bin`;
  expect(completeIn(path, 'isolate', '@')).toEqual(['@build', '@bench']);
  expect(completeIn(path, 'isolate', '@', 'bu')).toEqual(['build']);
  expect(completeIn(path, 'isolate', '@bu')).toEqual(['@build']);
  expect(completeIn(path, 'isolate', 'c')).toEqual(['cp', 'config', 'completion', 'ci']);
  for (const preset of [['@', 'build'], ['@build']]) {
    expect(completeIn(path, 'isolate', ...preset, '--time')).toEqual(['--timeout']);
    expect(completeIn(path, 'isolate', ...preset, '-n', 'git', 'ch')).toEqual([`command at ${preset.length + 2}`]);
  }
});

test('bash completes templates by name, and the snapshots of one to which it is rolled back', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const listed = { templates: [{ name: 'debian' }, { name: 'build' }] };
  const shown = { name: 'debian', snapshots: [{ label: 'before-tuning' }, { label: 'first' }] };
  const program = `#!/bin/sh
case "$*" in
  'template list --json') echo '${JSON.stringify(listed)}' ;;
  'template show --json -- debian') echo '${JSON.stringify(shown)}' ;;
esac
`;
  writeFileSync(join(directory, 'isolate'), program, { mode: 0o755 });
  const path = `${directory}:/usr/bin:/bin`;
  expect(completeIn(path, 'isolate', 'template', 'remove', '')).toEqual(['debian', 'build']);
  expect(completeIn(path, 'isolate', 'template', 'rollback', 'd')).toEqual(['debian']);
  expect(completeIn(path, 'isolate', 'template', 'rollback', '-q', 'd')).toEqual(['debian']);
  expect(completeIn(path, 'isolate', 'template', 'rollback', 'debian', '')).toEqual(['before-tuning', 'first']);
  expect(completeIn(path, 'isolate', 'template', 'rollback', 'debian', 'f')).toEqual(['first']);
});

test('bash completes runs after kill', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const document = { runs: [{ runId: '0123456789abcdef' }, { runId: 'fedcba9876543210' }] };
  writeFileSync(join(directory, 'isolate'), `#!/bin/sh\n[ "$*" = 'ps --json' ] && echo '${JSON.stringify(document)}'\n`, { mode: 0o755 });
  expect(completeIn(`${directory}:/usr/bin:/bin`, 'isolate', 'kill', '0')).toEqual(['01234567']);
});

test('bash completes sessions, runs and files after cp', () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const document = { sessions: [{ name: 'one' }, { name: 'two' }] };
  const runs = { runs: [{ runId: '0123456789abcdef' }] };
  const program = `#!/bin/sh
case "$*" in
  'sessions --json') echo '${JSON.stringify(document)}' ;;
  'ps --json') echo '${JSON.stringify(runs)}' ;;
esac
`;
  writeFileSync(join(directory, 'isolate'), program, { mode: 0o755 });
  expect(completeIn(`${directory}:/usr/bin:/bin`, 'isolate', 'cp', 'on')).toEqual(['one:']);
  expect(completeIn(`${directory}:/usr/bin:/bin`, 'isolate', 'cp', '01')).toEqual(['01234567:']);
  expect(completeIn(`${directory}:/usr/bin:/bin`, 'isolate', 'cp', '/etc/host')).toContain('/etc/hosts');
});

test('bash completes shells and verbs after the verbs that take them', () => {
  expect(complete('isolate', 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect(complete('isolate', 'help', 're')).toEqual(['refresh', 'rename']);
});
