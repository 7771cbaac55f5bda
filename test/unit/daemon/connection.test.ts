import { beforeEach, expect, test } from 'vitest';

import { createBacklog } from '../../../src/daemon/backlog.ts';
import {
  brokerGone,
  clientGone,
  type Connection,
  type ConnectionInput,
  type Handlers,
  serveConnection,
  type PlacedTree,
} from '../../../src/daemon/connection.ts';
import { IsolateError } from '../../../src/error.ts';
import { decodeMessage, encodeMessage, type Item, type Message } from '../../../src/wire/frame.ts';
import type { MessageName } from '../../../src/wire/schema.ts';

const run = encodeMessage('run', [
  { name: 'directory', value: '/' },
  { name: 'terminal', value: 0 },
]);
const query = encodeMessage('query', [{ name: 'query', value: 'ps' }]);
const mount = encodeMessage('mount');
const ended = encodeMessage('ended', [
  { name: 'outcome', value: 2 },
  { name: 'number', value: 7 },
]);
const answer = encodeMessage('answer', [{ name: 'missing', value: 2 }]);
const tree: PlacedTree = { uid: 1, gid: 1, idmapped: true, uidMap: [], gidMap: [], device: 1, path: '/c' };

let log: string[];
let connection: Connection;
let input: ConnectionInput;

/** Serves a connection whose handlers and output are written to `log`. */
function serve(handlers: Partial<Handlers>): void {
  const note = (name: string) => async () => void log.push(name);
  ({ connection, input } = serveConnection({
    id: 1,
    peer: { uid: 0, gid: 0, groups: [], pid: 1, holder: null },
    output: {
      send: (_, frame) => log.push(`send ${decodeMessage(frame, 'daemon').name}`),
      tree: () => log.push('tree'),
      close: () => log.push('close'),
    },
    handlers: { run: note('run'), lease: note('lease'), query: note('query'), mount: note('mount'), ended: () => {}, ...handlers },
    takeTurn: () => Promise.resolve(),
    takeRoom: createBacklog(),
    refuse: (error): Item[] => {
      log.push((error as Error).message);
      return [
        { name: 'status', value: 125 },
        { name: 'text', value: '' },
        { name: 'json', value: '{}' },
      ];
    },
  }));
}

const launch =
  (name: MessageName, items: readonly Item[] = []) =>
  async (): Promise<void> =>
    connection.send(name, items);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  log = [];
});

test('questions are answered one after the other', async () => {
  let release = (): void => {};
  serve({
    query: () => {
      log.push('query');
      return new Promise((resolve) => (release = resolve));
    },
  });
  input.message(query);
  input.message(query);
  await settled();
  expect(log).toEqual(['query']);
  release();
  await settled();
  expect(log).toEqual(['query', 'query']);
});

test('a second run, and what is not to come yet, end the connection', async () => {
  serve({});
  input.message(run);
  input.message(run);
  await settled();
  expect(log).toEqual(['close', 'run']);
  for (const early of [mount, ended, answer]) {
    log = [];
    serve({});
    input.message(early);
    await settled();
    expect(log).toEqual(['close']);
  }
});

test('a frame that is no message ends the connection', async () => {
  serve({});
  input.message(Buffer.from('nothing of the kind'));
  await settled();
  expect(log).toEqual(['close']);
});

test('more messages than can be meant end the connection', async () => {
  serve({ query: () => new Promise(() => {}) });
  for (let count = 0; count < 9; count += 1) input.message(query);
  await settled();
  expect(log).toEqual(['close']);
});

test('after a launch mounts are handed over, and the end is heard once', async () => {
  const ends: number[][] = [];
  serve({ run: launch('launch', [{ name: 'record', value: Buffer.of(1) }]), ended: (_, ...numbers) => ends.push(numbers) });
  input.message(run);
  await settled();
  input.message(mount);
  input.message(mount);
  await settled();
  input.message(ended);
  input.message(ended);
  await settled();
  expect([log, ends]).toEqual([['send launch', 'mount', 'mount', 'close'], [[2, 7]]]);
});

test('the ninth mount of a clone ends the connection', async () => {
  serve({ run: launch('launch', [{ name: 'record', value: Buffer.of(1) }]) });
  input.message(run);
  await settled();
  for (let count = 1; count <= 9; count += 1) {
    input.message(mount);
    await settled();
  }
  expect(log).toEqual(['send launch', ...Array.from({ length: 8 }, () => 'mount'), 'close']);
});

test('after a refusal nothing is accepted', async () => {
  serve({ run: () => Promise.reject(new IsolateError('not-permitted', 'No.')) });
  input.message(run);
  await settled();
  input.message(query);
  await settled();
  expect(log).toEqual(['No.', 'send refuse', 'close']);
});

test('what the client is asked for it answers once', async () => {
  const answers: Message[] = [];
  serve({ run: async () => void answers.push(await connection.ask([{ name: 'stat-path', value: '/a' }])) });
  input.message(run);
  await settled();
  input.message(answer);
  input.message(answer);
  await settled();
  expect([log, answers.map(({ items }) => items)]).toEqual([['send ask', 'close'], [[{ name: 'missing', value: 2 }]]]);
});

test('a client that is gone answers nothing and is sent nothing', async () => {
  const failures: unknown[] = [];
  serve({
    run: async () => {
      await connection.ask([]).catch((error: unknown) => failures.push((error as IsolateError).code));
    },
  });
  input.message(run);
  await settled();
  input.end(clientGone);
  await settled();
  connection.send('fallback');
  connection.close();
  await connection.sendTree(tree);
  expect([log, failures, connection.closed.reason]).toEqual([['send ask'], ['aborted'], clientGone]);
});

test('a broker that is gone is told apart from a client that is', () => {
  serve({});
  input.end(brokerGone);
  expect(connection.closed.reason).toBe(brokerGone);
});

test('a tree that cannot be made is refused, one that was made is not', async () => {
  serve({ run: launch('launch', [{ name: 'record', value: Buffer.of(1) }]), mount: () => connection.sendTree(tree) });
  input.message(run);
  await settled();
  input.message(mount);
  await settled();
  input.message(mount);
  await settled();
  input.failed(3, 1);
  await settled();
  expect(log).toEqual(['send launch', 'tree', 'tree', 'The clone could not be handed over (id map, error 1).', 'send refuse']);
});
