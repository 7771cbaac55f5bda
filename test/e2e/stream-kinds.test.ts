import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { type Finished, finished, isolatePath } from '../rig/isolate.ts';
import { useWay, ways } from '../rig/ways.ts';

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  /** Runs isolate as bash redirects it. */
  async function redirected(engine: string, command: string, redirection: string): Promise<Finished> {
    const root = engine === 'chroot' && name === 'node' ? ['-t', way.directory] : way.root;
    const words = [isolatePath, '-q', '-e', engine, ...root, 'sh', '-c', command];
    const child = spawn('bash', ['-c', `"$@" ${redirection}`, 'bash', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    return await finished(child);
  }

  async function hostDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'host-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    return directory;
  }

  describe.each(['bwrap', 'lxc'])('with %s', (engine) => {
    test.each([
      ['input', '<', '0'],
      ['output', '1<', '1'],
      ['error', '2<', '2'],
    ])('a directory as standard %s does not lead the command out', async (stream, operator, number) => {
      const directory = await hostDirectory();
      const { status, stdout } = await redirected(engine, `ls /proc/self/fd/${number}/..`, `${operator} ${directory}`);
      expect({ stream, status, stdout }).toEqual({ stream, status: 125, stdout: '' });
    });

    test('the error names the stream and how to redirect it', async () => {
      expect(await redirected(engine, 'true', '< /')).toEqual({
        status: 125,
        signal: null,
        stdout: '',
        stderr:
          'isolate: Standard input is a directory, which would give the sandbox more of the host than a stream.\nhint: redirect it: < /dev/null\n',
      });
    });

    test('a namespace as standard input is refused', async () => {
      const { status, stderr } = await redirected(engine, 'true', '< /proc/self/ns/net');
      expect({ status, stderr: stderr.split('\n')[0] }).toEqual({
        status: 125,
        stderr: 'isolate: Standard input is a namespace, which would give the sandbox more of the host than a stream.',
      });
    });

    test('a datagram socket is refused', async () => {
      expect(await redirected(engine, 'true', '0<> /dev/udp/127.0.0.1/9')).toMatchObject({
        status: 125,
        stderr: 'isolate: The launch failed at standard input: protocol wrong type for socket.\n',
      });
    });

    test('a connection is passed on', async () => {
      const server = createServer((socket) => void socket.end('from the server\n'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void server.close());
      const { port } = server.address() as AddressInfo;
      expect(await redirected(engine, 'cat', `0<> /dev/tcp/127.0.0.1/${port}`)).toEqual({
        status: 0,
        signal: null,
        stdout: 'from the server\n',
        stderr: '',
      });
    });
  });

  test('the chroot engine, which isolates nothing, accepts a directory', async () => {
    const directory = await hostDirectory();
    expect(await redirected('chroot', 'test -d /proc/self/fd/0/', `< ${directory}`)).toMatchObject({ status: 0 });
  });
});
