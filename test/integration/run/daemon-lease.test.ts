import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { hasSystemd } from '../../../src/host/daemon-start.ts';
import { leaseFromDaemon } from '../../../src/run/daemon-lease.ts';
import { encodeMessage } from '../../../src/wire/frame.ts';
import { plainSpec } from '../../golden/facts.ts';

test('what a daemon waits for is passed on, and if it ends there is one sentence and a hint', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-lease-'));
  const socket = join(directory, 'isolated.sock');
  const server = createServer((client: Socket) => {
    client.once('data', () =>
      client.end(encodeMessage('message', [{ name: 'text', value: 'waiting for a clone of tank/t (2 being made)' }])),
    );
  }).listen(socket);
  onTestFinished(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  await once(server, 'listening');
  const spec = { ...plainSpec, waitMs: 100 };
  const said: string[] = [];
  const lease = leaseFromDaemon(spec, 'tank/t', { onWaiting: (message) => said.push(message), signal: undefined, socket });
  await expect(lease).rejects.toMatchObject({
    code: 'daemon-failed',
    message: 'The daemon ended while this run waited for a clone.',
    hint: hasSystemd() ? 'systemctl status isolated-pools' : 'the daemon says why on its standard error',
  });
  expect(said).toEqual(['waiting for a clone of tank/t (2 being made)']);
});
