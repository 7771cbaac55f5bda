import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { Launch } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import type { IdMapEntry } from '../../src/rootfs/rootfs.ts';
import { decodeMessage, encodeMessage } from '../../src/wire/frame.ts';
import { socketFile } from '../rig/daemon.ts';
import { installClient, answerClients, type Talk } from '../rig/client.ts';
import { type Gate, operations, socketGroup, startGate } from '../rig/gate.ts';
import { finished } from '../rig/isolate.ts';
import { bwrapLaunch, isStaticLauncher, launcherPath, run, startedLaunch } from '../rig/launches.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const uid = 4321;
const subordinate: readonly IdMapEntry[] = [
  { inside: 0, outside: uid, count: 1 },
  { inside: 1, outside: 1_500_000_000, count: 65_535 },
];
const alone: readonly IdMapEntry[] = [{ inside: 0, outside: uid, count: 1 }];
const sandbox = '/run/isolate/sandbox';

beforeAll(async () => {
  await launcherPath();
  mkdirSync(sandbox, { recursive: true, mode: 0o755 });
});

function givenLaunch(command: readonly string[], map: readonly IdMapEntry[] = subordinate): Launch {
  const userNamespace = { writer: 'given', uidMap: map, gidMap: map } as const;
  return bwrapLaunch(
    command,
    {
      userNamespace,
      mountNamespace: true,
      sandboxMounts: [{ kind: 'attach', source: '/clone', target: sandbox, flags: [], idmap: 'none' }],
    },
    sandbox,
  );
}

/** A clone on a file system of its own. */
async function makeClone(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'clone-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700', 'tmpfs', directory]);
  onTestFinished(() => void execFileSync('umount', ['--lazy', directory]));
  await busyboxRootfs(join(directory, 'root'));
  execFileSync('mount', ['--bind', join(directory, 'root'), join(directory, 'root')]);
  onTestFinished(() => void execFileSync('umount', ['--lazy', join(directory, 'root')]));
  return join(directory, 'root');
}

function encodeOrder(map: readonly IdMapEntry[], path: string, user = uid): Buffer {
  const maps = map.flatMap(({ inside, outside, count }) => [inside, outside, count]);
  const numbers = [user, user, 1, map.length, map.length, statSync(path).dev, ...maps, ...maps];
  const body = Buffer.alloc(4 * numbers.length);
  numbers.forEach((value, index) => body.writeUInt32LE(value, 4 * index));
  return Buffer.concat([body, Buffer.from(path)]);
}

/** The gate at the place where clients look for it. */
async function openGate(): Promise<Gate> {
  const directory = '/run/isolate/gate';
  rmSync(directory, { recursive: true, force: true });
  rmSync(socketFile, { force: true });
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  const gate = await startGate([], directory);
  linkSync(gate.clients, socketFile);
  onTestFinished(() => rmSync(socketFile, { force: true }));
  return gate;
}

const script = 'id -u; cat /proc/self/uid_map; head -n 1 /etc/hosts; touch /made; chown 5:6 /made; stat -c %u:%g /made; ls /proc/self/fd';
const output = '0\n         0       4321          1\n         1 1500000000      65535\n127.0.0.1 localhost\n5:6\n0\n1\n2\n3\n';

describe.skipIf(!isStaticLauncher)('a tree that the daemon hands over', () => {
  it('is the root of a user who has no rights over the clone, from the client', async () => {
    const gate = await openGate();
    const clone = await makeClone();
    const child = spawn(await installClient(), ['x'], { env: {}, uid, gid: socketGroup, stdio: ['ignore', 'pipe', 'pipe'] });
    const { connection } = await gate.next();
    expect(decodeMessage((await gate.next()).body, 'client').name).toBe('run');
    const record = encodeLaunchRecord(givenLaunch(['sh', '-c', script]), { supervised: false });
    gate.send(connection, operations.send, encodeMessage('launch', [{ name: 'record', value: record }]));
    gate.send(connection, operations.tree, encodeOrder(subordinate, clone));
    expect(await finished(child)).toEqual({ status: 0, signal: null, stdout: output, stderr: '' });
    const { uid: owner, gid } = statSync(join(clone, 'made'));
    expect([owner, gid, existsSync(join(sandbox, 'made'))]).toEqual([5, 6, false]);
    const { items } = decodeMessage((await gate.next()).body, 'client');
    expect(items.map(({ value }) => value)).toEqual([2, 0]);
    expect((await gate.next()).operation).toBe(operations.closed);
  });

  it('is root’s with the ids that its own launch gives it', async () => {
    const gate = await openGate();
    const clone = await makeClone();
    const range: readonly IdMapEntry[] = [{ inside: 0, outside: 1_600_000_000, count: 65_536 }];
    const launch = bwrapLaunch(
      ['sh', '-c', 'cat /proc/self/uid_map; touch /made; chown 5:6 /made; stat -c %u:%g /made'],
      {
        userNamespace: { writer: 'direct', uidMap: range, gidMap: range },
        mountNamespace: true,
        hostMounts: [{ kind: 'attach', source: '/clone', target: sandbox, flags: ['nosuid', 'nodev'], idmap: 'sandbox' }],
      },
      sandbox,
    );
    const child = spawn(await installClient(), ['x'], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
    const { connection } = await gate.next();
    expect(decodeMessage((await gate.next()).body, 'client').name).toBe('run');
    const record = encodeLaunchRecord(launch, { supervised: false });
    gate.send(connection, operations.send, encodeMessage('launch', [{ name: 'record', value: record }]));
    gate.send(connection, operations.tree, encodeOrder([], clone, 0));
    expect(await finished(child)).toEqual({
      status: 0,
      signal: null,
      stdout: '         0 1600000000      65536\n5:6\n',
      stderr: '',
    });
    const { uid: owner, gid } = statSync(join(clone, 'made'));
    expect({ owner, gid, isLeftBehind: existsSync(join(sandbox, 'made')) }).toEqual({ owner: 5, gid: 6, isLeftBehind: false });
  });

  it('comes over a connection of Node, which is open only in the launcher until the run has ended', async () => {
    const gate = await openGate();
    const clone = await makeClone();
    const socket = await connectSocket();
    const { connection } = await gate.next();
    const starting = startedLaunch(givenLaunch(['sh', '-c', 'read line; exit 4']), {
      connection: socket,
      stdio: { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
    });
    await gate.next();
    gate.send(connection, operations.tree, encodeOrder(subordinate, clone));
    const { handle } = await starting;
    socket.destroy();
    // What the gate tells next is of another client, so it has seen no end of the first.
    const other = await connectSocket();
    expect((await gate.next()).operation).toBe(operations.opened);
    handle.stdin?.end('\n');
    expect(await handle.result).toEqual({ kind: 'exited', code: 4 });
    expect(await gate.next()).toMatchObject({ operation: operations.closed, connection });
    other.destroy();
  });

  it('is the user’s own where the user has no subordinate ids, and its groups stay', async () => {
    const gate = await openGate();
    const clone = await makeClone();
    const socket = await connectSocket();
    const { connection } = await gate.next();
    const running = run(givenLaunch(['sh', '-c', 'id -u; touch /made; chown 5:6 /made'], alone), { connection: socket });
    await gate.next();
    gate.send(connection, operations.tree, encodeOrder(alone, clone));
    const { result, stdout } = await running;
    expect({ result, stdout }).toEqual({ result: { kind: 'exited', code: 1 }, stdout: '0\n' });
    socket.destroy();
  });

  it('is not used with other ids than were planned', async () => {
    const gate = await openGate();
    const clone = await makeClone();
    const socket = await connectSocket();
    const { connection } = await gate.next();
    const failing = run(givenLaunch(['true']), { connection: socket }).catch((error: unknown) => (error as Error).message);
    await gate.next();
    gate.send(connection, operations.tree, encodeOrder(alone, clone));
    expect(await failing).toBe('The launch failed in the step tree: invalid argument.');
    socket.destroy();
  });

  const refusal: Parameters<Talk['send']> = [
    'refuse',
    [
      { name: 'status', value: 125 },
      { name: 'text', value: 'isolate: no tree\n' },
      { name: 'json', value: '{}' },
    ],
  ];
  const map = { name: 'uid-map', value: Buffer.alloc(12) } as const;
  it.each<[string, string, (talk: Talk) => void]>([
    ['refuses it', 'isolate: no tree\nisolate: The launch failed in the step tree: connection refused.\n', (talk) => talk.send(...refusal)],
    ['goes away', 'isolate: The launch failed in the step tree: connection reset by peer.\n', (talk) => talk.end()],
    [
      'sends none with it',
      'isolate: The launch failed in the step tree: protocol error.\n',
      (talk) => talk.send('tree', [map, { ...map, name: 'gid-map' }]),
    ],
    ['sends something else', 'isolate: The launch failed in the step tree: protocol error.\n', (talk) => talk.send('fallback')],
  ])('is what a launch fails for want of if the daemon %s', async (_, stderr, answer) => {
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(givenLaunch(['true']), { supervised: false }) }]);
      answer(talk);
    });
    const child = spawn(await installClient(), { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
    expect(await finished(child)).toEqual({ status: 125, signal: null, stdout: '', stderr });
  });

  it('is missing in a launch without a connection, which fails', async () => {
    await expect(run(givenLaunch(['true']))).rejects.toThrow('The launch failed in the step tree: bad file descriptor.');
  });
});

async function connectSocket(): Promise<Socket> {
  const socket = connect(socketFile);
  await once(socket, 'connect');
  return socket.pause();
}
