import { beforeEach, expect, test } from 'vitest';

import { serveClients } from '../../../src/daemon/clients.ts';
import type { Handlers } from '../../../src/daemon/connection.ts';
import type { ToldPeer } from '../../../src/daemon/peer.ts';
import { encodeMessage } from '../../../src/wire/frame.ts';
import { rightsOf } from '../../../src/host/rights.ts';

const metrics = encodeMessage('query', [{ name: 'query', value: 'metrics' }]);
const status = encodeMessage('query', [{ name: 'query', value: 'status' }]);

let log: string[];
let clients: ReturnType<typeof serveClients>;
beforeEach(() => {
  log = [];
  const query: Handlers['query'] = async ({ id }) => void log.push(`query ${id}`);
  clients = serveClients({
    output: {
      send: (id, frame) => log.push(`send ${id} ${Buffer.from(frame).toString()}`),
      tree: () => {},
      close: (id) => log.push(`close ${id}`),
    },
    handlers: { query } as unknown as Handlers,
    refuse: () => [],
    renderMetrics: ({ uid }) => Buffer.from(`for ${uid}`),
    isTurnedAway: (uid) => uid > 100_000,
    bootId: '',
  });
});

const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
};
const who = (uid: number): ToldPeer => ({ uid, gid: uid, rights: rightsOf(uid), groups: [], pid: 0, startTime: null });

test('a rejected client gets no answer, whatever it sends', async () => {
  clients.opened(1, 'client', who(100_001));
  clients.opened(2, 'metrics', who(100_002));
  clients.message(1, status);
  clients.message(2, metrics);
  clients.closed(1, false);
  await settled();
  expect(log).toEqual(['close 1', 'close 2']);
});

test('one user’s questions for metrics are answered in turn with those of others', async () => {
  for (const id of [1, 2, 3]) clients.opened(id, 'metrics', who(5));
  clients.opened(4, 'client', who(6));
  for (const id of [1, 2, 3]) clients.message(id, metrics);
  clients.message(4, status);
  await settled();
  expect(log.filter((line) => !line.startsWith('close'))).toEqual(['send 1 for 5', 'send 2 for 5', 'query 4', 'send 3 for 5']);
  expect(log.filter((line) => line.startsWith('close'))).toEqual(['close 1', 'close 2', 'close 3']);
});
