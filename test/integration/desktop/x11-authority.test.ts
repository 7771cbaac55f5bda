import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { grantX11 } from '../../../src/desktop/x11-authority.ts';
import { connectX11 } from '../../../src/desktop/x11-connection.ts';
import { formatQueryExtension, formatSetup } from '../../../src/desktop/x11-protocol.ts';
import { findX11 } from '../../../src/host/x11.ts';
import { findCookie, parseXauthority } from '../../../src/host/xauthority.ts';
import { startXvfb } from '../../rig/desktop.ts';

async function startedServer(options: readonly string[] = []) {
  const server = await startXvfb(options);
  onTestFinished(server.stop);
  const search = findX11({ environment: server.environment, uid: 0, hostname: 'here', passwd: '' });
  if (!('found' in search)) throw new Error(search.missing);
  return search.found;
}

/** Whether the server lets in who shows the cookie of this authority file. */
async function letsIn(socket: string, authority: Uint8Array | null): Promise<boolean> {
  const number = /\d+$/.exec(socket)?.[0] ?? '';
  const connection = await connectX11(socket, authority === null ? null : findCookie(parseXauthority(authority), number, 'here'));
  connection?.close();
  return connection !== null;
}

test('a grant is a cookie of its own that works until it is released', async () => {
  const x11 = await startedServer();
  const grant = await grantX11(x11);
  expect(grant.untrusted).toBe(true);
  expect(grant.authority).not.toEqual(x11.authority);
  expect(await letsIn(x11.socket, grant.authority)).toBe(true);
  await grant.release();
  expect([await letsIn(x11.socket, grant.authority), await letsIn(x11.socket, x11.authority)]).toEqual([false, true]);
});

test('a server without untrusted cookies is used with the caller’s own cookie', async () => {
  const x11 = await startedServer(['-extension', 'SECURITY']);
  const grant = await grantX11(x11);
  expect({ untrusted: grant.untrusted, authority: grant.authority }).toEqual({ untrusted: false, authority: x11.authority });
  await grant.release();
  expect(await letsIn(x11.socket, x11.authority)).toBe(true);
});

test('a server that admits nobody without a cookie is left unchanged', async () => {
  const x11 = { ...(await startedServer()), authority: null };
  expect(await grantX11(x11)).toMatchObject({ untrusted: false, authority: null });
});

test('a server with an endless answer is given up', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-flood-'));
  const socket = join(directory, 'X0');
  const accepted = Buffer.from('0100000b00000000', 'hex');
  const question = formatQueryExtension('SECURITY');
  const reply = Buffer.alloc(2 ** 21, 1);
  reply.writeUInt32LE(2 ** 30, 4);
  const server = createServer((client) => {
    client.on('error', () => {});
    client.write(accepted);
    let received = 0;
    client.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received === formatSetup(null).length + question.length) client.write(reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const connection = await connectX11(socket, null);
  expect(await connection?.ask(question)).toBe(null);
});

test('a socket that is not there is no server', async () => {
  expect(await connectX11('/no/such/socket', null)).toBe(null);
});
