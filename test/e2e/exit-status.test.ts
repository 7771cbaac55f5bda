import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { useWay, ways } from '../rig/ways.ts';

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  const statusOf = async (...command: string[]): Promise<number | null> => (await isolate(['-q', ...way.root, '--', ...command])).status;

  async function inTurn<T, R>(items: readonly T[], width: number, action: (item: T) => Promise<R>): Promise<R[]> {
    const results: R[] = [];
    const waiting = items.map((item, index) => ({ item, index }));
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next.index] = await action(next.item);
    };
    await Promise.all(Array.from({ length: width }, worker));
    return results;
  }

  test('every exit status of a command comes back unchanged', { timeout: 240_000 }, async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    expect(await inTurn(codes, 4, (code) => statusOf('sh', '-c', `exit ${code}`))).toEqual(codes);
  });

  test('with --json a missing command is reported by the sandbox, and then as one object', async () => {
    const error = { code: 'not-executed', message: 'The command "nosuchcmd" was not found in the sandbox.', causes: [] };
    expect(await isolate(['-q', '--json', ...way.root, '--', 'nosuchcmd'])).toEqual({
      status: 127,
      signal: null,
      stdout: '',
      stderr: `isolate: nosuchcmd: command not found\n${JSON.stringify({ error })}\n`,
    });
  });

  test('a command killed by a signal gives 128 and the signal', { timeout: 120_000 }, async () => {
    const harmless = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']);
    const named = new Set(
      Object.entries(constants.signals)
        .filter(([name]) => !harmless.has(name))
        .map(([, number]) => number),
    );
    const realTime = [34, 50, 64];
    const numbers = [...named, ...realTime];
    expect(await inTurn(numbers, 4, (number) => statusOf('sh', '-c', `(sleep 0.1; kill -${number} $$) & exec sleep 600`))).toEqual(
      numbers.map((number) => 128 + number),
    );
  });

  describe.each(['bwrap', 'lxc'])('with %s', (engine) => {
    const limited = (...command: string[]): string[] => [
      '-q',
      '-e',
      engine,
      ...way.root,
      '--memory',
      '64M',
      '--status-fd',
      '1',
      '--',
      ...command,
    ];
    const big = 'dd if=/dev/zero of=/dev/null bs=200M count=1';
    const started = `{"event":"started","way":"${name}"}\n`;

    test('a command that is killed for its use of memory is reported as such', async () => {
      expect(await isolate(limited(...big.split(' ')))).toEqual({
        status: 137,
        signal: null,
        stdout: `${started}{"event":"exited","signal":"SIGKILL","outOfMemory":true}\n`,
        stderr: 'isolate: warning: The command "dd" was killed: the sandbox needed more memory than --memory 64M allows.\n',
      });
    });

    test('a killed child of the command is reported, and the status is that of the command', async () => {
      expect(await isolate(limited('sh', '-c', `${big} 2> /dev/null & wait $! 2> /dev/null; exit 3`))).toEqual({
        status: 3,
        signal: null,
        stdout: `${started}{"event":"exited","code":3,"outOfMemory":true}\n`,
        stderr: expect.stringContaining(
          'isolate: warning: A process in the sandbox was killed: the sandbox needed more memory than --memory 64M allows.\n',
        ) as string,
      });
    });

    test('an engine that needs more memory than there is says so', async () => {
      const words = limited('true');
      const { status, stderr } = await isolate(words.with(words.indexOf('64M'), '10'));
      expect({ status, stderr }).toEqual({
        status: 125,
        stderr: expect.stringContaining(
          `isolate: ${engine} could not start the command: it needed more memory than --memory allows.\n`,
        ) as string,
      });
    });

    test('a command that is killed with memory to spare is not reported as having needed more', async () => {
      expect(await isolate(limited('sh', '-c', 'kill -9 $$'))).toEqual({
        status: 137,
        signal: null,
        stdout: `${started}{"event":"exited","signal":"SIGKILL"}\n`,
        stderr: '',
      });
    });
  });

  test('a missing command gives 127 and one that cannot be executed 126', async () => {
    expect(await statusOf('no-such-command')).toBe(127);
    expect(await statusOf('/etc/passwd')).toBe(126);
    expect(await statusOf('/etc')).toBe(126);
  });

  test('the status descriptor distinguishes a failure of isolate from a command that exits with 125', async () => {
    expect(await statusOf('sh', '-c', 'exit 125')).toBe(125);
    expect((await isolate(['-t', '/dev/null/none', 'true'])).status).toBe(125);
  });
});
