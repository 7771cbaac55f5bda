import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

const top = join(import.meta.dirname, '../..');

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

test('loading the parser leaves standard output blocking, which looking at process.stdout does not', () => {
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
