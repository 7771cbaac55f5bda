import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { allocatorVariables, nodeOptions, nodeVariables } from '../rig/pinned-node.ts';
import { temporaryTemplate } from '../rig/template.ts';

const isolateNode = join(dirname(isolatePath), 'isolate-node');
let template: string;
let trap: string;
let before: readonly string[];
beforeAll(async () => {
  template = await temporaryTemplate();
});
afterAll(() => {
  rmSync(dirname(template), { recursive: true, force: true });
});
// A directory in which everything that Node might read runs code, and the code writes a file beside it.
beforeEach(() => {
  trap = mkdtempSync(join(tmpdir(), 'trap-'));
  writeFileSync(join(trap, 'evil.cjs'), `require('node:fs').writeFileSync(${JSON.stringify(join(trap, 'ran'))}, '')`);
  writeFileSync(join(trap, '.env'), `NODE_OPTIONS=--require=${trap}/evil.cjs\n`);
  writeFileSync(join(trap, 'node.config.json'), JSON.stringify({ nodeOptions: { require: [join(trap, 'evil.cjs')] } }));
  writeFileSync(join(trap, 'package.json'), JSON.stringify({ scripts: { evil: 'touch ran' }, main: 'evil.cjs' }));
  writeFileSync(join(trap, 'openssl.cnf'), 'nodejs_conf = broken\n[broken]\nengines = none\n');
  mkdirSync(join(trap, 'node_modules'));
  before = readdirSync(trap);
});
afterEach(() => {
  expect(readdirSync(trap)).toEqual(before);
  rmSync(trap, { recursive: true });
});

function start(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Record<string, unknown> {
  const { status, stdout, stderr } = spawnSync(isolateNode, words, {
    encoding: 'utf8',
    env: environment,
    cwd: trap,
    timeout: 60_000,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

const done = (stdout: string): Record<string, unknown> => ({ status: 0, stdout, stderr: '' });
const run = (): readonly string[] => ['-q', '-t', template, '--read-only'];
const shown = (words: readonly string[]): string => words.map((word) => `[${word}]`).join('');

/** Each option in all the ways in which it can be given a value, which for some of them is a file of code. */
const optionWords = (): readonly string[] => nodeOptions().flatMap((name) => [`${name}=${trap}/evil.cjs`, name, `${trap}/evil.cjs`]);

describe('an option of Node', () => {
  test('reaches the command unchanged after --, whichever it is', () => {
    const words = optionWords();
    expect(words.length).toBeGreaterThan(4000);
    expect(start([...run(), '--', 'printf', '[%s]', ...words])).toEqual(done(shown(words)));
  });

  test('reaches the command unchanged without --, whichever it is', () => {
    const words = optionWords();
    expect(start([...run(), 'printf', '[%s]', ...words])).toEqual(done(shown(words)));
  });

  test('is the value of an option of isolate, whichever it is', () => {
    const variables = nodeOptions().flatMap((name) => ['-v', `${name}=${trap}/evil.cjs`]);
    const { stdout, ...rest } = start([...run(), ...variables, 'env']);
    const lines = String(stdout)
      .split('\n')
      .filter((line) => line.startsWith('-'));
    expect({ rest, lines: lines.toSorted() }).toEqual({
      rest: { status: 0, stderr: '' },
      lines: nodeOptions()
        .map((name) => `${name}=${trap}/evil.cjs`)
        .toSorted(),
    });
  });

  test.each([
    ['--require', 'evil.cjs'],
    ['--import', './evil.cjs'],
    ['--loader', './evil.cjs'],
    ['--experimental-loader', './evil.cjs'],
    ['--eval', 'process.exit(9)'],
    ['--env-file-if-exists', '.env'],
    ['--experimental-config-file', 'node.config.json'],
    ['--experimental-default-config-file', ''],
    ['--experimental-sea-config', 'node.config.json'],
    ['--build-snapshot', 'evil.cjs'],
    ['--run', 'evil'],
    ['--test', ''],
    ['--check', 'evil.cjs'],
    ['--inspect-brk', '0'],
    ['--cpu-prof', ''],
    ['--openssl-config', 'openssl.cnf'],
    ['--v8-options', ''],
    ['--prof-process', ''],
  ])('before the command, %s is an option that isolate does not have', (name, value) => {
    const refusal = {
      status: 125,
      stdout: '',
      stderr: expect.stringMatching(`^isolate: There is no option ${name}[.]\nhint: .*\n$`) as string,
    };
    expect(start([`${name}=${value}`, ...run(), 'true'])).toEqual(refusal);
    expect(start([...run(), name, value, 'true'])).toEqual(refusal);
  });

  test.each([['--env-file', '.env'], ['--env-file=.env']])(
    '%s names variables of the sandbox, and nothing in the file is obeyed on the host',
    (...words) => {
      expect(start([...run(), ...words, 'sh', '-c', 'echo "$NODE_OPTIONS"'])).toEqual(done(`--require=${trap}/evil.cjs\n`));
    },
  );

  test('is refused by a verb that does not have it, as a usage error', () => {
    expect(start(['status', '--env-file=/nope'])).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'isolate: isolate status has no option --env-file.\nhint: --env-file is an option of isolate run, isolate enter, isolate doctor\n',
    });
  });
});

/** What a variable has to be to do harm; all others are a path that is not there, and would be made by those that write. */
const harmful = (): Readonly<Record<string, string>> => ({
  ...allocatorVariables,
  NODE_OPTIONS: `--require=${trap}/evil.cjs`,
  NODE_CHANNEL_FD: '0',
  NODE_DEBUG: '*',
  NODE_DEBUG_NATIVE: '*',
  NODE_PENDING_DEPRECATION: '1',
  NODE_TEST_CONTEXT: 'child-v8',
  NODE_UNIQUE_ID: '1',
  OPENSSL_CONF: join(trap, 'openssl.cnf'),
  UV_THREADPOOL_SIZE: '1',
  FORCE_COLOR: '3',
  LD_DEBUG: 'all',
  LD_TRACE_LOADED_OBJECTS: '1',
});

describe('a variable that Node or one of its libraries reads', () => {
  const poisoned = (): Record<string, string> =>
    Object.fromEntries(nodeVariables().map((name) => [name, harmful()[name] ?? join(trap, 'poison')]));

  test('does nothing on the host, and reaches the sandbox unchanged if requested', () => {
    const environment = poisoned();
    expect(Object.keys(environment).length).toBeGreaterThan(300);
    const asked = Object.keys(environment).flatMap((name) => ['-v', name]);
    // Its own dynamic linker would heed these.
    const command = ['/bin/busybox', 'env'];
    const { stdout, ...rest } = start([...run(), ...asked, ...command], environment);
    const found = Object.fromEntries(
      String(stdout)
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(rest).toEqual({ status: 0, stderr: '' });
    expect(found).toMatchObject(environment);
  });

  test('reaches a hook, which is the caller’s own command', () => {
    const names = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'OPENSSL_CONF', 'GCONV_PATH', 'TZ', 'PATH', 'HOME'];
    const environment = { ...Object.fromEntries(names.map((name) => [name, `${trap}/${name}`])), PATH: '/usr/bin:/bin' };
    expect(start([...run(), '--pre-hook', `printenv ${names.join(' ')}`, 'true'], environment)).toEqual({
      status: 0,
      stdout: '',
      stderr: names.map((name) => `${environment[name as 'PATH']}\n`).join(''),
    });
  });
});

test('a word and a variable that are not UTF-8 are refused rather than changed', () => {
  const shell = (script: string): unknown => {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script, isolateNode, template], { encoding: 'utf8', env: {}, timeout: 60_000 });
    return [status, stderr];
  };
  expect(shell(`exec "$0" -t "$1" printf '%s' "$(printf 'a\\377b')"`)).toEqual([
    125,
    'isolate: Argument 5 is not valid UTF-8, so isolate cannot pass it on unchanged.\n',
  ]);
  expect(shell(`BAD=$(printf 'a\\377b') exec "$0" -q -t "$1" --read-only -v BAD true`)).toEqual([
    125,
    'isolate: The value of the variable "BAD" is not valid UTF-8.\n',
  ]);
});

test('TZ sets the zone of printed times if it names one, and is never used as the path of a file', () => {
  const script = `
    const { useTimeZone } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/own-process.ts'))});
    const zone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const before = zone();
    for (const TZ of ['/etc/passwd', ':/etc/passwd', '../../etc/passwd', '', 'Asia/Tokyo', 'UTC']) {
      useTimeZone({ TZ });
      console.log(zone() === before ? 'as before' : zone());
    }
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: { TZ: 'Europe/Paris' } });
  expect(stdout).toBe('as before\nas before\nas before\nas before\nAsia/Tokyo\nUTC\n');
});
