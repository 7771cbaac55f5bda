import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

const log = join(import.meta.dirname, '../../src/log.ts');

/** What a process writes to standard error when it logs one command. */
function logged(start: string): string {
  const script = `import { logCommand, startCommandLog } from ${JSON.stringify(log)};
    ${start}
    logCommand({ file: '/sbin/zfs', args: ['list', '-o', 'a b', '\\u001b[2J', ''] });`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 30_000 }).stderr;
}

test('a command is logged in one line, words that need it quoted', () => {
  expect(logged('await startCommandLog({ json: false });')).toBe('+ /sbin/zfs list -o "a b" "\\u001b[2J" ""\n');
});

test('with JSON a command is an object in one line', () => {
  const { time, ...line } = JSON.parse(logged('await startCommandLog({ json: true });')) as Record<string, unknown>;
  expect({ time: typeof time, line }).toEqual({
    time: 'number',
    line: { level: 10, file: '/sbin/zfs', args: ['list', '-o', 'a b', '\u001b[2J', ''], msg: 'command' },
  });
});

test('an event of the service is one line of JSON that does a terminal no harm', () => {
  const script = `import { logEvent, startServiceLog } from ${JSON.stringify(log)};
    await startServiceLog();
    logEvent('warn', { event: 'x', template: '\\u009b\\u202e\\u2028' }, 'A \\u0085 message.');`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 30_000 });
  const { time, ...line } = JSON.parse(stderr) as Record<string, unknown>;
  expect({ time: typeof time, line, hasRaw: /[\u007f-\u009f\u2028-\u202e]/.test(stderr), isOneLine: stderr.endsWith('}\n') }).toEqual({
    time: 'string',
    line: { level: 'warn', event: 'x', template: '\u009b\u202e\u2028', msg: 'A \u0085 message.' },
    hasRaw: false,
    isOneLine: true,
  });
});

test('nothing is logged before the log is started', () => {
  expect(logged('')).toBe('');
});
