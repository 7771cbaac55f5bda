import { constants } from 'node:os';

import { expect, test } from 'vitest';

import type { Connection } from '../../../src/daemon/connection.ts';
import type { Peer } from '../../../src/daemon/peer.ts';
import { handleView } from '../../../src/daemon/view-session.ts';
import { IsolateError } from '../../../src/error.ts';
import { formatHolder, readBootId, readOwnHolder } from '../../../src/pool/holder.ts';
import { runtimePaths } from '../../../src/pool/paths.ts';
import type { Item } from '../../../src/wire/frame.ts';

const member: Peer = { uid: 1000, gid: 1000, rights: 'user', groups: [], pid: process.pid, holder: readOwnHolder() };

interface Client {
  readonly peer?: Peer;
  readonly zone?: string;
  /** Names in its directories of runs. */
  readonly entries?: readonly string[];
  /** Why there are no names. */
  readonly errno?: number;
}

/** What the daemon sends to a client that wants to see the runs, in a window of 40 columns. */
async function show({ peer = member, zone, entries, errno = constants.errno.ENOENT }: Client): Promise<unknown[]> {
  const sent: unknown[] = [];
  const ask = async (questions: readonly Item[]) => ({
    name: 'answer' as const,
    items: questions.map(({ name, value }): Item => {
      if (name === 'list-path' && entries !== undefined)
        return { name: 'entries', value: Buffer.from(entries.map((one) => `${one}\0`).join('')) };
      return value === 'TZ' && zone !== undefined ? { name: 'variable', value: `TZ=${zone}` } : { name: 'missing', value: errno };
    }),
  });
  const send: Connection['send'] = (name, items = []) => void sent.push([name, ...items.map(({ value }) => value)]);
  await handleView(
    { peer, ask, send },
    { name: 'run', items: [{ name: 'columns', value: 40 }] },
    {
      view: async (source, reader) => JSON.stringify([await source.runs(), reader]),
      queries: { read: async (question) => JSON.stringify({ [question]: 1 }) },
      runtime: runtimePaths('/nowhere'),
    },
  );
  return sent;
}

const shown = ['print', JSON.stringify([{ ps: 1 }, { rights: 'user', width: 40 }])];

test('a client is shown what the daemon knows, by its user and the width of its window', async () => {
  expect(await show({})).toEqual([shown]);
  expect(await show({ entries: ['no-claim', `0123456789abcdef.1.1.${readBootId()}`] })).toEqual([shown]);
});

test.each<[string, Client]>([
  ['has times printed in another zone', { zone: 'Pacific/Kiritimati' }],
  ['may have runs that the daemon does not know', { entries: [`0123456789abcdef.${formatHolder(readOwnHolder())}`] }],
  ['has more names there than are looked at', { entries: Array.from({ length: 1000 }, (_, index) => `no-claim-${index}`) }],
  ['cannot tell what is there', { errno: constants.errno.EFBIG }],
  ['sees other processes', { peer: { ...member, holder: null } }],
])('a client that %s is left to the program in Node', async (_why, client) => {
  expect(await show(client)).toEqual([['fallback']]);
});

test('a client that ends is sent nothing', async () => {
  const gone = new IsolateError('aborted', 'The client has ended.');
  const sent: string[] = [];
  const connection = { peer: member, send: (name: string) => void sent.push(name), ask: () => Promise.reject(gone) };
  const services = { queries: { read: async () => '{}' }, runtime: runtimePaths('/nowhere') };
  const message = { name: 'run', items: [] } as const;
  await expect(handleView(connection, message, { ...services, view: async (source) => JSON.stringify(await source.runs()) })).rejects.toBe(
    gone,
  );
  expect(sent).toEqual([]);
});
