import { once } from 'node:events';
import { describe, expect, test } from 'vitest';

import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { passThrough } from '../rig/pass-through.ts';
import { useWay, ways } from '../rig/ways.ts';

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  const within = (...command: string[]): string[] => ['-q', ...way.root, '--', ...command];

  test('stdout and stderr of the command stay apart and are unchanged', async () => {
    const script = 'printf "out\\0\\377"; printf "err\\r\\n" >&2';
    expect(await isolate(within('sh', '-c', script))).toEqual({ status: 0, signal: null, stdout: 'out\0\uFFFD', stderr: 'err\r\n' });
  });

  test('a hundred megabytes pass through a pipe byte for byte', { timeout: 120_000 }, async () => {
    expect(await passThrough(startIsolate(within('cat')), 100)).toEqual({ status: 0, bytes: 100 * 2 ** 20, isSame: true });
  });

  test('arguments reach the command byte for byte', async () => {
    const words = ['', ' ', '-x', '--', 'a b', '$(id)', '`id`', '"', "'", '\\', '*', 'ü', '\n', '1e3', '007', '{a,b}', '--engine=lxc'];
    const { stdout } = await isolate(within('sh', '-c', 'for word; do printf "%s\\0" "$word"; done', 'sh', ...words));
    expect(stdout.split('\0').slice(0, -1)).toEqual(words);
  });

  test('the environment of the command is exactly the default plus what was given', async () => {
    const { stdout } = await isolate(['-q', ...way.root, '-v', 'A=1', '-v', 'B:x y', '-v', 'PASSED', '-v', 'EMPTY=', '--', 'env', '-0'], {
      environment: { PASSED: 'through', SECRET: 'no', TERM: 'xterm' },
    });
    expect(
      stdout
        .split('\0')
        .filter((line) => line !== '')
        .toSorted(),
    ).toEqual(
      [
        'A=1',
        'B=x y',
        'EMPTY=',
        'HOME=/root',
        'LOGNAME=root',
        'PASSED=through',
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'TERM=xterm',
        'USER=root',
        // bubblewrap sets it to the working directory, as chdir in a shell does.
        'PWD=/',
      ].toSorted(),
    );
  });

  test('end of input reaches the command', async () => {
    const child = startIsolate(within('wc', '-c'));
    child.stdin?.end('12345');
    expect(await finished(child)).toEqual({ status: 0, signal: null, stdout: '5\n', stderr: '' });
  });

  test('the command gets SIGPIPE when its reader goes away', async () => {
    const child = startIsolate(within('yes'));
    await once(child.stdout!, 'data');
    child.stdout?.destroy();
    const [status] = await once(child, 'exit');
    expect(status).toBe(141);
  });
});
