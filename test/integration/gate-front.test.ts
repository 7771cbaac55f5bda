import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { decodeMessage, encodeMessage } from '../../src/wire/frame.ts';
import {
  attackPath,
  connectClient,
  descriptorCount,
  frontUser,
  type Gate,
  isPlainGate,
  openClient,
  operations,
  residentBytes,
  runAttack,
  startGate,
} from '../rig/gate.ts';

const query = encodeMessage('query', [{ name: 'query', value: 'status' }]);
const megabyte = 1024 * 1024;

/** A run of about a megabyte. */
const large = encodeMessage('run', [
  ...Array.from({ length: 8 }, () => ({ name: 'argument' as const, value: 'x'.repeat(128_000) })),
  { name: 'directory', value: '/' },
  { name: 'terminal', value: 0 },
]);

/** A client asks and is answered, through the whole way. */
async function expectService(gate: Gate): Promise<void> {
  const client = await openClient(gate);
  client.socket.write(query);
  expect(await gate.next()).toEqual({ connection: client.number, operation: operations.message, body: query });
  gate.send(client.number, operations.send, Buffer.from('answer'));
  expect(String(await client.receive(6))).toBe('answer');
  client.socket.destroy();
  expect(await gate.next()).toMatchObject({ connection: client.number, operation: operations.closed });
}

/** Opens connections as that user; resolves with how many stay, and what ends them. */
async function startCrowd(uid: number, path: string, count: number): Promise<{ line: string; leave: () => void }> {
  const child = spawn(await attackPath(), ['crowd', String(uid), path, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { line: String(line).trim(), leave: () => child.stdin.end() };
}

const patched = (offset: number, bytes: readonly number[]): Buffer => {
  const frame = Buffer.from(query);
  Buffer.from(bytes).copy(frame, offset);
  return frame;
};

describe('the front', () => {
  beforeAll(async () => void (await attackPath()));

  it('has no rights and no other descriptors', async () => {
    const gate = await startGate();
    await expectService(gate);
    const front = gate.front();
    const status = readFileSync(`/proc/${front}/status`, 'utf8');
    const field = (name: string): string | undefined => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1];
    expect({
      uid: field('Uid'),
      groups: field('Groups'),
      capabilities: [field('CapEff'), field('CapPrm')],
      noNewPrivileges: field('NoNewPrivs'),
      filter: field('Seccomp'),
      root: readlinkSync(`/proc/${front}/root`),
      descriptors: descriptorCount(front),
    }).toEqual({
      uid: Array.from({ length: 4 }, () => String(frontUser)).join('\t'),
      groups: '',
      capabilities: ['0000000000000000', '0000000000000000'],
      noNewPrivileges: '1',
      filter: isPlainGate ? '2' : '0',
      root: '/run/isolate/sandbox',
      // Standard streams, two listening sockets, the broker and epoll.
      descriptors: 7,
    });
  });

  it.each([
    ['another magic', patched(0, [0x4a])],
    ['another version', patched(4, [2])],
    ['an unknown kind', patched(6, [99])],
    ['a kind of the daemon’s', patched(6, [33])],
    ['a body that is too long', patched(8, [1, 0, 16, 0])],
    ['a body of four gigabytes', patched(8, [255, 255, 255, 255])],
    ['an item that is cut off', patched(8, [13])],
    ['an item longer than its body', patched(16, [255, 255, 255, 255])],
    ['an unknown item', patched(12, [99])],
    ['an item of another message', patched(12, [1])],
    ['no item where one belongs', query.subarray(0, 8).length === 8 ? Buffer.concat([query.subarray(0, 8), Buffer.alloc(4)]) : query],
    ['a NUL in a text', patched(20, [0])],
    ['a text that is not UTF-8', patched(20, [0xc0])],
  ])('ends a connection with %s and goes on with others', async (_, frame) => {
    const gate = await startGate();
    const client = await openClient(gate);
    client.socket.write(frame.length === query.length ? Buffer.concat([frame, Buffer.alloc(8)]) : frame);
    expect(await client.ended).toEqual(Buffer.alloc(0));
    expect(await gate.next()).toEqual({ connection: client.number, operation: operations.closed, body: Buffer.alloc(0) });
    await expectService(gate);
  });

  it('passes on frames that come in pieces, several at once, or with the maximum length', async () => {
    const gate = await startGate();
    const client = await openClient(gate);
    for (const byte of query) {
      client.socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    client.socket.write(Buffer.concat([query, large, query.subarray(0, 5)]));
    client.socket.write(query.subarray(5));
    const bodies: Buffer[] = [];
    for (let i = 0; i < 4; i++) bodies.push((await gate.next()).body);
    expect(bodies.map((body) => body.equals(query) || body.equals(large))).toEqual([true, true, true, true]);
    expect(bodies.map((body) => body.length)).toEqual([query.length, query.length, large.length, query.length]);
  });

  it('waits a limited time for a frame, but for ever between frames', async () => {
    const gate = await startGate(['--frame-seconds', '1']);
    const [slow, silent] = [await openClient(gate), await openClient(gate)];
    const timer = setInterval(() => slow.socket.write(large.subarray(0, 100)), 50);
    const begun = performance.now();
    await slow.ended;
    clearInterval(timer);
    expect(performance.now() - begun).toBeGreaterThan(900);
    // If each piece gave it more time, it would have that for ten thousand pieces.
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(await gate.next()).toMatchObject({ connection: slow.number, operation: operations.closed });
    silent.socket.write(query);
    expect(await gate.next()).toMatchObject({ connection: silent.number, operation: operations.message });
  });

  it('keeps 512 of 10,000 connections of one user, and serves others at the same time', async () => {
    const gate = await startGate();
    expect(await startCrowd(4321, gate.clients, 10_000)).toMatchObject({ line: 'open: 512' });
    for (let i = 0; i < 512; i++) await gate.next();
    await expectService(gate);
    expect(residentBytes(gate.front())).toBeLessThan(8 * megabyte);
    expect(residentBytes(gate.child.pid ?? 0)).toBeLessThan(16 * megabyte);
  });

  it('keeps 4096 connections in all, and takes new ones when those have ended', async () => {
    const gate = await startGate();
    const crowds: { line: string; leave: () => void }[] = [];
    for (let user = 0; user < 9; user++) crowds.push(await startCrowd(4321 + user, gate.clients, 520));
    expect(crowds.map(({ line }) => line)).toEqual([...Array.from({ length: 8 }, () => 'open: 512'), 'open: 0']);
    const refused = await connectClient(gate.clients);
    expect(await refused.ended).toEqual(Buffer.alloc(0));
    for (const { leave } of crowds) leave();
    for (let i = 0; i < 2 * 4096; i++) await gate.next();
    await expectService(gate);
  });

  it('gives back descriptors and memory', async () => {
    const gate = await startGate();
    await expectService(gate);
    const count = (): number[] => [descriptorCount(gate.front()), descriptorCount(gate.child.pid ?? 0)];
    const before = count();
    for (let i = 0; i < 300; i++) await expectService(gate);
    await expect.poll(count).toEqual(before);
  });

  it('keeps no more of unfinished frames than they have, nor more than a user’s share', async () => {
    const gate = await startGate(['--frame-seconds', '600']);
    await expectService(gate);
    const front = gate.front();
    const before = residentBytes(front);
    const promises = await Promise.all(Array.from({ length: 200 }, async () => await connectClient(gate.clients)));
    for (const { socket } of promises) socket.write(large.subarray(0, 20));
    for (let i = 0; i < 200; i++) await gate.next();
    await expectService(gate);
    expect(residentBytes(front) - before).toBeLessThan(3 * megabyte);
    let ended = 0;
    for (const client of promises) {
      void client.ended.then(() => ended++);
      client.socket.write(large.subarray(20, -1));
    }
    // 16 MiB are room for 16 of these.
    await expect.poll(() => ended).toBeGreaterThanOrEqual(184);
    expect(ended).toBeLessThan(190);
    // Beside them and the 3 from above, the allocator may keep the 32 KiB that each of 200 grew out of: it gives back larger ones only.
    expect(residentBytes(front) - before).toBeLessThan((16 + 3 + 200 / 32) * megabyte);
    while ((await gate.next()).operation !== operations.closed) continue;
    for (let i = 1; i < ended; i++) expect(await gate.next()).toMatchObject({ operation: operations.closed });
    await expectService(gate);
  });

  it('takes a request for the metrics and ends it with the answer', async () => {
    const gate = await startGate();
    const client = await openClient(gate, gate.metrics);
    client.socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n');
    client.socket.write('Accept: */*\r\n\r\n');
    expect(decodeMessage((await gate.next()).body, 'client')).toEqual({ name: 'query', items: [{ name: 'query', value: 'metrics' }] });
    gate.send(client.number, operations.send, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
    gate.send(client.number, operations.close);
    expect(String(await client.ended)).toBe('HTTP/1.1 200 OK\r\n\r\n');
  });

  it.each([
    ['of another method', 'POST / HTTP/1.1\r\n\r\n'],
    ['of no version', 'GET /\r\n\r\n'],
    ['of more than 8 KiB', `GET / HTTP/1.1\r\n${'x'.repeat(8200)}\r\n\r\n`],
    ['that is a frame', query],
  ])('ends a request for the metrics %s', async (_, request) => {
    const gate = await startGate();
    const client = await openClient(gate, gate.metrics);
    client.socket.write(request);
    expect(await client.ended).toEqual(Buffer.alloc(0));
    expect(await gate.next()).toMatchObject({ connection: client.number, operation: operations.closed });
  });

  it('that is killed takes all connections and the broker with it', async () => {
    const gate = await startGate();
    const client = await openClient(gate);
    process.kill(gate.front(), 'SIGKILL');
    expect({ clientEnded: await client.ended, gateEnded: await gate.ended }).toEqual({ clientEnded: Buffer.alloc(0), gateEnded: 1 });
    expect(await gate.next()).toMatchObject({ connection: client.number, operation: operations.closed });
  });
});

describe('frames of every sort', () => {
  /** $ISOLATE_TEST_FRAMES: how many; a million take half a minute. */
  const count = Number(process.env['ISOLATE_TEST_FRAMES'] ?? 1_000_000);

  it(
    'reach the daemon only if they are good, and all that are good do',
    async () => {
      const gate = await startGate();
      const [known, connections] =
        Object.keys(await runAttack(['pour', '4321', gate.clients, String(count), '1']))[0]
          ?.split(' ')
          .map(Number) ?? [];
      const counts = { opened: 0, closed: 0, messages: 0 };
      while (counts.closed < (connections ?? 0)) {
        const { operation, body } = await gate.next();
        if (operation === operations.opened) counts.opened++;
        if (operation === operations.closed) counts.closed++;
        if (operation !== operations.message) continue;
        counts.messages++;
        decodeMessage(body, 'client');
      }
      expect({ ...counts, messages: counts.messages >= (known ?? Infinity) }).toEqual({
        opened: connections,
        closed: connections,
        messages: true,
      });
      await expectService(gate);
      expect([residentBytes(gate.front()), residentBytes(gate.child.pid ?? 0)].map((bytes) => bytes < 16 * megabyte)).toEqual([true, true]);
    },
    60_000 + count / 4,
  );
});
