import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { parseProcStat } from '../../src/pool/holder.ts';
import { encodeMessage } from '../../src/wire/frame.ts';
import {
  attackPath,
  connectClient,
  frontUser,
  type Gate,
  gatePath,
  openClient,
  operations,
  residentBytes,
  runAttack,
  socketDirectory,
  socketGroup,
  startGate,
  startLoneBroker,
} from '../rig/gate.ts';

const query = encodeMessage('query', [{ name: 'query', value: 'status' }]);
const numbers = (body: Uint8Array): number[] => [...new Uint32Array(new Uint8Array(body).buffer)];

async function listenAt(path: string): Promise<Server> {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** The exit status and words of a broker that is not to start. */
async function failToStart(clients: string): Promise<{ status: number | null; stderr: string }> {
  const args = ['broker', '--sockets', clients, `${clients}.metrics`, '--group', '0', '--user', String(frontUser)];
  const { status, stderr } = spawnSync(await gatePath(), args, { input: '', encoding: 'utf8', timeout: 60_000 });
  return { status, stderr };
}

function startOf(pid: number): number {
  return Number(parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTime);
}

describe('the broker', () => {
  beforeAll(async () => void (await attackPath()));

  it('tells the daemon who the kernel says a client is', async () => {
    const gate = await startGate();
    const child = spawn(await attackPath(), ['crowd', '4321', gate.clients, '1'], { stdio: ['pipe', 'ignore', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const user = await gate.next();
    const metrics = await connectClient(gate.metrics);
    const root = await gate.next();
    const groups = /^Groups:\t(.*?) *$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]?.split(' ').filter(Boolean).map(Number) ?? [];
    expect({ ...user, body: numbers(user.body) }).toEqual({
      connection: 1,
      operation: operations.opened,
      body: [0, 4321, 4321, child.pid, startOf(child.pid ?? 0), 0, 1, socketGroup],
    });
    const told = numbers(root.body);
    const own = [1, 0, 0, process.pid, startOf(process.pid), 0, groups.length];
    expect({ facts: told.slice(0, 7), groups: told.slice(7) }).toEqual({ facts: own, groups });
    metrics.socket.destroy();
  });

  it.each(['end', 'reuse'])('reports that the process that connected has ended, whoever has its pid now (%s)', async (how) => {
    const gate = await startGate();
    process.kill(gate.front(), 'SIGSTOP');
    const child = spawn(await attackPath(), ['lend', '4321', gate.clients, how], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(existsSync(`/proc/${line.toString().trim()}`)).toBe(how === 'reuse');
    process.kill(gate.front(), 'SIGCONT');
    const { body } = await gate.next();
    expect(numbers(body)).toEqual([0, 4321, 4321, Number(line), 0, 0, 1, socketGroup]);
  });

  it.each([
    [1024, 1024],
    [1025, 0],
    [65_536, 0],
  ])('tells of a client with %i groups that it has %i', async (count, told) => {
    const gate = await startGate();
    const child = spawn(await attackPath(), ['swell', '4321', gate.clients, String(count)], { stdio: ['pipe', 'ignore', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const { body } = await gate.next();
    expect({ count: numbers(body)[6], bytes: body.length }).toEqual({ count: told, bytes: 28 + 4 * told });
  });

  it('makes sockets only for root and the group, in place of those of an earlier broker', async () => {
    const directory = await socketDirectory();
    const first = await startGate([], directory);
    const front = first.front();
    first.child.kill('SIGKILL');
    await first.ended;
    // It is killed with its broker, and listens until it is gone.
    await expect.poll(() => existsSync(`/proc/${front}`)).toBe(false);
    const gate = await startGate([], directory);
    const facts = [gate.clients, gate.metrics].map((path) => statSync(path)).map(({ mode, uid, gid }) => [mode & 0o7777, uid, gid]);
    expect(facts).toEqual([
      [0o660, 0, socketGroup],
      [0o660, 0, socketGroup],
    ]);
    await openClient(gate);
  });

  it('makes no socket where one is in use, something else exists, or others could interfere', async () => {
    const directory = await socketDirectory();
    const at = (name: string): string => join(directory, name);
    await listenAt(at('live'));
    writeFileSync(at('file'), 'kept');
    symlinkSync(at('target'), at('link'));
    for (const name of ['live', 'file', 'link'])
      expect([name, await failToStart(at(name))]).toMatchObject([
        name,
        { status: 1, stderr: expect.stringMatching(/^isolate-gate: Cannot put a socket where something else is: /) },
      ]);
    expect({ exists: existsSync(at('target')), size: statSync(at('file')).size }).toEqual({ exists: false, size: 4 });
    mkdirSync(at('open'));
    chmodSync(at('open'), 0o777);
    symlinkSync(directory, at('to'));
    for (const path of ['open/socket', 'to/socket', 'none/socket'])
      expect([path, await failToStart(at(path))]).toMatchObject([
        path,
        { status: 1, stderr: expect.stringMatching(/^isolate-gate: Cannot use the directory of a socket/) },
      ]);
  });

  it('prints its usage when it is called wrongly', async () => {
    for (const args of [
      [],
      ['broker'],
      ['front', '1', '2', '3'],
      ['broker', '--front', '/x', '--user', '0'],
      ['broker', '--sockets', '/a', '/b', '--user', '7'],
    ]) {
      const { status, stderr } = spawnSync(await gatePath(), args, { encoding: 'utf8' });
      expect({ args, status, firstLine: stderr.split('\n')[0] }).toEqual({
        args,
        status: 2,
        firstLine: 'Usage: isolate-gate front LISTENFD METRICSFD|- BROKERFD',
      });
    }
  });

  it('writes whole answers in their order, then ends the connection', async () => {
    const gate = await startGate();
    const client = await openClient(gate);
    const answers = Array.from({ length: 40 }, (_, index) => Buffer.alloc(100_000, index));
    for (const answer of answers) gate.send(client.number, operations.send, answer);
    gate.send(client.number, operations.close);
    expect((await client.ended).equals(Buffer.concat(answers))).toBe(true);
    expect(await gate.next()).toMatchObject({ connection: client.number, operation: operations.closed });
  });

  it('ends a client that lets more than 20 MiB pile up, and none of the others', async () => {
    const gate = await startGate();
    const [silent, other] = [await openClient(gate), await openClient(gate)];
    silent.socket.pause();
    for (let i = 0; i < 21; i++) gate.send(silent.number, operations.send, Buffer.alloc(1024 * 1024));
    expect(await gate.next()).toMatchObject({ connection: silent.number, operation: operations.closed });
    gate.send(other.number, operations.send, Buffer.from('answer'));
    expect(String(await other.receive(6))).toBe('answer');
    expect(residentBytes(gate.child.pid ?? 0)).toBeLessThan(48 * 1024 * 1024);
  });

  it('ends a client that does not read in time', async () => {
    const gate = await startGate(['--frame-seconds', '1']);
    const [silent, other] = [await openClient(gate), await openClient(gate)];
    silent.socket.pause();
    gate.send(silent.number, operations.send, Buffer.alloc(1024 * 1024));
    expect(await gate.next()).toMatchObject({ connection: silent.number, operation: operations.closed });
    gate.send(other.number, operations.send, Buffer.from('answer'));
    expect(String(await other.receive(6))).toBe('answer');
  });

  it('drops what the daemon sends to connections that are gone', async () => {
    const gate = await startGate();
    gate.send(99, operations.send, Buffer.from('x'));
    gate.send(99, operations.tree, Buffer.from('x'));
    gate.send(99, operations.close);
    await openClient(gate);
  });

  it.each(['its daemon', 'SIGKILL'])('ends with %s, and the front and all connections with it', async (end) => {
    const gate = await startGate();
    const client = await openClient(gate);
    const front = gate.front();
    if (end === 'SIGKILL') gate.child.kill('SIGKILL');
    else gate.child.stdin?.end();
    expect({ clientEnded: await client.ended, gateEnded: await gate.ended }).toEqual({
      clientEnded: Buffer.alloc(0),
      gateEnded: end === 'SIGKILL' ? end : 0,
    });
    await expect.poll(() => existsSync(`/proc/${front}`)).toBe(false);
  });
});

describe('a broker that systemd’s front comes to', () => {
  let path: string;
  const start = async (): Promise<Gate> => {
    path = join(await socketDirectory(), 'broker.sock');
    return await startLoneBroker(path);
  };

  it('admits only the front’s user, one at a time', async () => {
    const gate = await start();
    const { mode, uid } = statSync(path);
    expect({ mode: mode & 0o7777, uid }).toEqual({ mode: 0o600, uid: frontUser });
    const first = await connectClient(path);
    expect(await (await connectClient(path)).ended).toEqual(Buffer.alloc(0));
    first.socket.destroy();
    await expect(runAttack(['lie', '4321', path, 'nothing'])).rejects.toThrow('Permission denied');
    expect(await runAttack(['lie', String(frontUser), path, 'nothing'])).toEqual({ broker: 'open', client: 'open' });
    expect(gate.child.exitCode).toBeNull();
  });

  it.each([
    'no descriptor',
    'number again',
    'number zero',
    'unknown kind',
    'file',
    'internet socket',
    'datagram socket',
    'listening socket',
    'unconnected socket',
    'unknown connection',
    'closed twice',
    'malformed message',
    'unknown operation',
    'huge length',
    'stray descriptor',
  ])('drops a front that breaks the protocol, with all its connections: %s', async (lie) => {
    const gate = await start();
    expect(await runAttack(['lie', String(frontUser), path, lie])).toEqual({ broker: 'ended', client: 'ended' });
    const said = [await gate.next(), await gate.next(), await gate.next()].map(({ connection, operation }) => [connection, operation]);
    const expected = [operations.opened, operations.message, lie === 'stray descriptor' ? operations.message : operations.closed];
    expect(said).toEqual(expected.map((operation) => [1, operation]));
    if (lie === 'stray descriptor') await gate.next();
    // The numbers of the next one go on.
    await runAttack(['lie', String(frontUser), path, 'nothing']);
    expect(await gate.next()).toMatchObject({ connection: 2, operation: operations.opened });
  });

  it('serves the clients of systemd’s sockets by its front, and again when that has gone', async () => {
    const gate = await start();
    const directory = await socketDirectory();
    const clients = join(directory, 'client');
    for (const number of [1, 2]) {
      const front = await activate(directory, path);
      const client = await connectClient(clients);
      const opened = await gate.next();
      client.socket.write(query);
      expect({ connection: opened.connection, next: await gate.next() }).toEqual({
        connection: number,
        next: { connection: number, operation: operations.message, body: query },
      });
      front.kill('SIGKILL');
      await client.ended;
      expect(await gate.next()).toEqual({ connection: number, operation: operations.closed, body: Buffer.from([1, 0, 0, 0]) });
    }
  });

  it('turns clients away by its front while there is no broker, which ends when no more of them come', async () => {
    const directory = await socketDirectory();
    const front = await activate(directory, join(directory, 'none'));
    const exit = once(front, 'exit');
    for (const _ of [1, 2]) expect(await (await connectClient(join(directory, 'client'))).ended).toEqual(Buffer.alloc(0));
    expect(await exit).toEqual([0, null]);
  });

  it('serves clients by a front that has turned others away before', async () => {
    const directory = await socketDirectory();
    path = join(directory, 'broker.sock');
    await activate(directory, path);
    expect(await (await connectClient(join(directory, 'client'))).ended).toEqual(Buffer.alloc(0));
    const gate = await startLoneBroker(path);
    const opened = gate.next();
    // The front looks for the broker every 20 ms.
    while ((await Promise.race([opened, connectClient(join(directory, 'client')).then(({ ended }) => ended)])) instanceof Buffer) continue;
    expect(await opened).toMatchObject({ connection: 1, operation: operations.opened });
  });
});

/** Starts a front as systemd does when the first client comes; its sockets are in `directory`. */
async function activate(directory: string, broker: string): Promise<ChildProcess> {
  const args = ['activate', String(frontUser), directory, await gatePath(), broker];
  const front = spawn(await attackPath(), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void front.kill('SIGKILL'));
  await once(front.stdout, 'data');
  return front;
}
