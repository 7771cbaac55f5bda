import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { temporaryTemplate } from '../rig/template.ts';

const top = join(import.meta.dirname, '../..');
let template: string;
beforeAll(async () => {
  template = await temporaryTemplate();
});
afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

/** Runs a bash script in which `isolate` is the command line, run from its sources. */
function bash(script: string) {
  const text = `isolate() { "$NODE" src/cli/main.ts "$@"; }\n${script}`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', text], {
    cwd: top,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: '/usr/bin:/bin', NODE: process.execPath },
  });
  return { stdout, stderr };
}

test('output that nobody reads ends isolate quietly', () => {
  const script = 'exec 3> >(exit); wait $!; isolate --help >&3; echo "status $?"';
  expect(bash(script)).toEqual({ stdout: 'status 0\n', stderr: '' });
});

test('requested output that cannot be written is an error', () => {
  expect(bash('isolate --version > /dev/full; echo "status $?"')).toEqual({
    stdout: 'status 125\n',
    stderr: 'isolate: Could not write to standard output.\nbecause: no space left on device\n',
  });
});

test.each(['2> /dev/full', '--status-fd 3 3> /dev/full', '--status-fd 1 > /dev/full', '2> /dev/full --trace'])(
  'messages that cannot be written do not affect a run and its status: %s',
  (redirection) => {
    const { stderr } = bash(`isolate -n -t ${template} --ephemeral ${redirection} sh -c 'exit 7'; echo "status $?" >&2`);
    expect(stderr.split('\n').slice(-2)).toEqual(['status 7', '']);
  },
);

test('loading the parser leaves standard output blocking, unlike touching process.stdout', () => {
  const script = `
    import { readFileSync, writeSync } from 'node:fs';
    import { parseArguments } from './src/cli/parse-arguments.ts';
    const flags = () => Number.parseInt(/^flags:\\s+(\\d+)/m.exec(readFileSync('/proc/self/fdinfo/1', 'latin1'))[1], 8);
    await parseArguments(['doctor', '--json']);
    const parsed = flags();
    process.stdout;
    writeSync(2, JSON.stringify([parsed, flags()].map((bits) => (bits & ${constants.O_NONBLOCK}) !== 0)));`;
  // A pipe of bash's: those that Node makes for a child are sockets.
  const { stderr } = spawnSync('bash', ['--norc', '-c', '"$0" --input-type=module -e "$1" | cat', process.execPath, script], {
    cwd: top,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(JSON.parse(stderr)).toEqual([false, true]);
});
