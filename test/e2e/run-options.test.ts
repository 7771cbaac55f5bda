import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { commandLine } from '../rig/command-line.ts';
import { temporaryTemplate } from '../rig/template.ts';
import { useWay, ways } from '../rig/ways.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'isolate-options-'));
});
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  const run = (...args: string[]) => commandLine(['-q', ...way.root, ...args]);

  /** What --status-fd tells of a run. */
  function eventsOf(...args: string[]): unknown[] {
    const file = join(scratch, 'status');
    const descriptor = openSync(file, 'w');
    try {
      commandLine(['-q', ...way.root, '--status-fd', '3', ...args], [descriptor]);
      return readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown);
    } finally {
      closeSync(descriptor);
    }
  }

  test('the status descriptor reports the start and end of a run', () => {
    expect(eventsOf('sh', '-c', 'exit 125')).toEqual([
      { event: 'started', way: 'node' },
      { event: 'exited', code: 125 },
    ]);
    expect(eventsOf('sh', '-c', 'kill -KILL $$')).toEqual([
      { event: 'started', way: 'node' },
      { event: 'exited', signal: 'SIGKILL' },
    ]);
  });

  test('the status descriptor reports a missing command', () => {
    expect(eventsOf('no-such-command').at(-1)).toEqual({ event: 'failed', error: 'not-executed', errno: 'ENOENT' });
  });

  test('a command that runs too long ends with 124 and says so', () => {
    expect(run('--timeout', '0.5', 'sleep', '60')).toEqual({
      status: 124,
      stdout: '',
      stderr: 'isolate: "sleep" ran longer than 0.5 s and was ended.\n',
    });
  });

  test('the command gets the documented variables, the requested ones and no others', () => {
    const { stdout } = commandLine(['-q', ...way.root, '-v', 'A:x=y', '-v', 'B=', 'env'], [], {
      TERM: 'vt100',
      SECRET: 'x',
      NODE_OPTIONS: '',
    });
    expect(
      stdout
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('PWD='))
        .toSorted(),
    ).toEqual([
      'A=x=y',
      'B=',
      'HOME=/root',
      'LOGNAME=root',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=vt100',
      'USER=root',
    ]);
  });

  test('arguments reach the command unchanged', () => {
    const words = ['', ' a  b ', '"quoted"', "it's", '$HOME', '`id`', '*', '-n', '--', '\\', 'ä€😀', 'a\nb', '--help'];
    expect(run('printf', '[%s]', ...words).stdout).toBe(words.map((word) => `[${word}]`).join(''));
  });

  test('a dry run prints names of variables only, and runs nothing', () => {
    const text = run('--dry-run', '-v', 'TOKEN=hunter2', 'touch', '/tmp/ran');
    expect([text.status, text.stderr, text.stdout.includes('TOKEN'), text.stdout.includes('hunter2')]).toEqual([0, '', true, false]);
    const json = run('--dry-run', '--json', '-v', 'TOKEN=hunter2', 'touch', '/tmp/ran');
    expect({
      status: json.status,
      showsSecret: json.stdout.includes('hunter2'),
      engine: (JSON.parse(json.stdout) as { engine: string }).engine,
    }).toEqual({ status: 0, showsSecret: false, engine: 'bwrap' });
  });

  test('-x logs what is executed on standard error', () => {
    const { status, stderr } = run('-x', 'true');
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(/^\+ way: \w+\n\+ \/usr\/bin\/bwrap --args 3 -- [^\n]*\n\+ true\n/) as string,
    });
  });
});

test.each([
  ['bwrap', '/tmp'],
  ['bwrap', '/dev'],
  ['bwrap', '/dev/shm'],
  ['lxc', '/dev'],
])('%s: a bind below its own %s is where it was asked for, whatever links the template has there', async (engine, place) => {
  const template = await temporaryTemplate();
  const elsewhere = mkdtempSync(join(template, 'elsewhere-'));
  mkdirSync(join(template, place), { recursive: true });
  symlinkSync(elsewhere.slice(template.length), join(template, place, 'own'));
  symlinkSync(`${place}/own`, join(template, 'leads-there'));
  try {
    const binds = ['-d', `${scratch}:${place}/own/one`, '-d', `${scratch}:/leads-there/two`];
    const { status, stdout } = commandLine(['-q', '-e', engine, '-t', template, ...binds, 'ls', `${place}/own`]);
    expect({ status, stdout, entries: readdirSync(elsewhere) }).toEqual({ status: 0, stdout: 'one\ntwo\n', entries: [] });
  } finally {
    rmSync(template, { recursive: true });
  }
});
