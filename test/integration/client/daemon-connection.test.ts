import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, test } from 'vitest';

import { connectDaemon, refusalOf } from '../../../src/client/daemon-connection.ts';
import { decodeMessage, encodeMessage } from '../../../src/wire/frame.ts';

let server: Server | undefined;
let directory: string;

async function listen(onClient: (socket: Socket) => void): Promise<string> {
  directory = mkdtempSync(join(tmpdir(), 'isolate-daemon-'));
  const path = join(directory, 'isolated.sock');
  server = createServer(onClient).listen(path);
  await once(server, 'listening');
  return path;
}

afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

test('a message goes to the daemon and its answers come back, however they are cut', async () => {
  const answers = Buffer.concat([
    encodeMessage('message', [{ name: 'text', value: 'wait' }]),
    encodeMessage('fallback'),
    encodeMessage('text', [{ name: 'json', value: `"${'x'.repeat(300_000)}"` }]),
  ]);
  const asked: unknown[] = [];
  const path = await listen((socket) =>
    socket.once('data', (frame: Buffer) => {
      asked.push(decodeMessage(frame, 'client'));
      for (const byte of answers.subarray(0, 60)) socket.write(Uint8Array.of(byte));
      socket.end(answers.subarray(60));
    }),
  );
  const connection = await connectDaemon(path);
  connection?.send('query', [{ name: 'query', value: 'status' }]);
  const received = [];
  for (let number = 0; number < 4; number += 1) received.push(await connection?.receive(60_000));
  expect(asked).toEqual([{ name: 'query', items: [{ name: 'query', value: 'status' }] }]);
  expect(received).toEqual([
    { name: 'message', items: [{ name: 'text', value: 'wait' }] },
    { name: 'fallback', items: [] },
    { name: 'text', items: [{ name: 'json', value: `"${'x'.repeat(300_000)}"` }] },
    null,
  ]);
});

test('without a socket, and without anyone listening at it, there is no daemon', async () => {
  const path = await listen(() => {});
  expect(await connectDaemon(join(directory, 'other.sock'))).toBeNull();
  const listening = server;
  const { renameSync } = await import('node:fs');
  renameSync(path, `${path}.kept`);
  listening?.close();
  renameSync(`${path}.kept`, path);
  expect(await connectDaemon(path)).toBeNull();
});

test('a socket that others could have put there is refused', async () => {
  const path = await listen(() => {});
  chmodSync(directory, 0o777);
  await expect(connectDaemon(path)).rejects.toMatchObject({ code: 'daemon-failed' });
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'file'), '');
  await expect(connectDaemon(join(directory, 'file'))).rejects.toMatchObject({ code: 'daemon-failed' });
});

test.each([
  ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ["a client's message", encodeMessage('mount')],
  ['a body without end', Buffer.from('49534f4d01002800ffffffff', 'hex')],
])('%s of the daemon is an error', async (_what, answer) => {
  const path = await listen((socket) => socket.write(answer));
  const connection = await connectDaemon(path);
  await expect(connection?.receive(5000)).rejects.toMatchObject({ code: 'daemon-failed' });
});

test('a daemon that says nothing is an error after the limit', async () => {
  const path = await listen(() => {});
  const connection = await connectDaemon(path);
  await expect(connection?.receive(50)).rejects.toMatchObject({ message: 'The daemon did not answer within 0.05 s.' });
  connection?.close();
});

test('a refusal becomes its error, and anything else an error of the daemon', () => {
  const refuse = (json: string) => refusalOf({ name: 'refuse', items: [{ name: 'json', value: json }] });
  expect(refuse('{"code":"quota-exceeded","message":"Enough.","hint":"wait"}')).toMatchObject({
    code: 'quota-exceeded',
    message: 'Enough.',
    hint: 'wait',
  });
  for (const json of ['', '{', 'null', '{"code":3,"message":"x"}', '{"code":"<b>","message":"x"}']) {
    expect(refuse(json)).toMatchObject({ code: 'daemon-failed' });
  }
});
