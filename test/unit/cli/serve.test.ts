import { expect, test } from 'vitest';

import { commandLine } from '../../../src/cli/commands/serve.ts';
import { IsolateError } from '../../../src/error.ts';

test('a plain run is a request, which the launcher can carry through or not', () => {
  expect(commandLine.parse(['-qz', 'tank/a', '-v', 'A:1', '-n', '--', 'ls', '-l', '\ufffd'])).toEqual({
    request: { command: ['ls', '-l', '\ufffd'], zfs: 'tank/a', environment: ['A:1'], shareNetwork: true },
    quiet: true,
    carriedByLauncher: true,
  });
  expect(commandLine.parse(['-z', 'tank/a', '-1', '--pre-hook', 'true', 'ls'])).toEqual({
    request: { command: ['ls'], zfs: 'tank/a', passthrough: ['x11'], preHook: 'true' },
    quiet: false,
    carriedByLauncher: false,
  });
});

test.each([
  ['another verb', ['refresh', 'tank/a']],
  ['the refresh form', ['-r', 'tank/a']],
  ['a misspelled verb', ['refesh', 'tank/a']],
  ['an unknown option', ['--nosuch', 'ls']],
  ['an option that lacks its value', ['-z']],
  ['an option given twice', ['-z', 'tank/a', '-z', 'tank/b', 'ls']],
  ['an option that goes with -r alone', ['-f', '-z', 'tank/a', 'ls']],
])('%s is no run of the daemon', (_what, argv) => {
  expect(commandLine.parse(argv)).toBeNull();
});

test('errors and notices are written as the program writes them, with the status of a run that failed', () => {
  const error = new IsolateError('no-free-clone', 'No clone of tank/\u001ba is free.', { hint: 'wait' });
  expect([commandLine.renderError(error), commandLine.renderNotice('a\nb'), commandLine.errorStatus]).toEqual([
    'isolate: No clone of tank/\\x1ba is free.\nhint: wait\n',
    'isolate: a\\x0ab\n',
    125,
  ]);
});
