import { expect, test } from 'vitest';

import { commandLine } from '../../../src/cli/commands/serve.ts';
import type { RunVoice } from '../../../src/daemon/command-line.ts';
import { IsolateError } from '../../../src/error.ts';

test('a plain run is a request, which the launcher may be able to carry out', () => {
  expect(commandLine.parse(['-qz', 'tank/a', '-v', 'A:1', '-n', '--', 'ls', '-l', '\ufffd'])).toMatchObject({
    request: { command: ['ls', '-l', '\ufffd'], zfs: 'tank/a', environment: ['A:1'], shareNetwork: true },
    carriedByLauncher: true,
  });
  expect(commandLine.parse(['-z', 'tank/a', '-1', '--pre-hook', 'true', 'ls'])).toMatchObject({
    request: { command: ['ls'], zfs: 'tank/a', passthrough: ['x11'], preHook: 'true' },
    carriedByLauncher: false,
  });
});

test('a run is reported according to its options', async () => {
  const voiceOf = (...options: readonly string[]): RunVoice => {
    const voice = commandLine.parse([...options, '-z', 'tank/a', 'ls'])?.voice;
    if (voice === undefined) throw new Error('It is no run.');
    return voice;
  };
  const told = (...options: readonly string[]): readonly string[] =>
    (['notice', 'warning', 'waiting'] as const).map((kind) => voiceOf(...options).render({ kind, message: 'a\nb' }, true));
  expect({ plain: told(), quiet: told('-q'), json: told('--json') }).toEqual({
    plain: ['isolate: a\\x0ab\n', 'isolate: warning: a\\x0ab\n', 'isolate: a\\x0ab\n'],
    quiet: ['', 'isolate: warning: a\\x0ab\n', ''],
    json: ['{"notice":"a\\nb"}\n', '{"warning":"a\\nb"}\n', ''],
  });
  expect(voiceOf().render({ kind: 'waiting', message: 'a' }, false)).toBe('');
  expect(voiceOf('-i', '--status-fd', '9')).toMatchObject({ ignoredSignals: ['SIGINT'], statusDescriptor: 9 });
  const lines: string[] = [];
  const log = await voiceOf('-x').openLog?.((line) => void lines.push(line));
  log?.command({ file: '/a', args: ['b c'] });
  log?.way('daemon');
  expect(lines).toEqual(['+ /a "b c"\n', '+ way: daemon\n']);
  expect(commandLine.parse(['--status-fd', 'x', '-z', 'tank/a', 'ls'])).toBeNull();
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

test('errors are written as the program writes them, with the status of a run that failed', () => {
  const error = new IsolateError('no-free-clone', 'No clone of tank/\u001ba is free.', { hint: 'wait' });
  expect({ text: commandLine.renderError(error), status: commandLine.errorStatus }).toEqual({
    text: 'isolate: No clone of tank/\\x1ba is free.\nhint: wait\n',
    status: 125,
  });
});
