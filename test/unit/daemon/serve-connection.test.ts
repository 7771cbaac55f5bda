import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { type Backlog, createBacklog } from '../../../src/daemon/backlog.ts';
import type { Connection, ConnectionInput, Handlers } from '../../../src/daemon/connection.ts';
import { brokerGone, clientGone } from '../../../src/daemon/gone.ts';
import { serveConnection } from '../../../src/daemon/serve-connection.ts';
import type { PlacedTree } from '../../../src/daemon/tree.ts';
import { IsolateError } from '../../../src/error.ts';
import { decodeMessage, encodeMessage, type Item, type Message, messageBytes } from '../../../src/wire/frame.ts';
import type { MessageName } from '../../../src/wire/schema.ts';
import { rightsOf } from '../../../src/host/rights.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

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
const longest: readonly Item[] = [{ name: 'variable', value: `A=${'a'.repeat(900)}` }];
const tree: PlacedTree = { uid: 1, gid: 1, idmapped: true, uidMap: [], gidMap: [], device: 1, path: '/c' };

let log: string[];
let connection: Connection;
let input: ConnectionInput;
let backlog: Backlog;

/** Serves a connection whose handlers and output are written to `log`. */
function serve(handlers: Partial<Handlers>, { answerMs, uid = 0 }: { readonly answerMs?: number; readonly uid?: number } = {}): void {
  backlog = createBacklog({ userBytes: 1000, allBytes: 4000 });
  const note = (name: string) => async () => void log.push(name);
  ({ connection, input } = serveConnection({
    id: 1,
    peer: { uid, gid: 0, rights: rightsOf(uid), groups: [], pid: 1, holder: null },
    output: {
      send: (_, frame) => log.push(`send ${decodeMessage(frame, 'daemon').name}`),
      tree: () => log.push('tree'),
      close: () => log.push('close'),
    },
    handlers: {
      run: note('run'),
      lease: note('lease'),
      query: note('query'),
      join: note('join'),
      session: note('session'),
      mount: note('mount'),
      ended: () => {},
      ...handlers,
    },
    takeTurn: () => Promise.resolve(),
    backlog,
    ...(answerMs === undefined ? {} : { answerMs }),
    refuse: (error): Message[] => {
      log.push((error as Error).message);
      const items: Item[] = [
        { name: 'status', value: 125 },
        { name: 'text', value: '' },
        { name: 'json', value: '{}' },
      ];
      return [{ name: 'refuse', items }];
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

test('a client sees that the daemon is alive while it waits, but not while it is asked or has its clone', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [waited, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  serve({
    run: async () => {
      await waited.promise;
      await connection.ask([]);
      connection.send('launch', [{ name: 'record', value: Buffer.alloc(1) }]);
      await held.promise;
    },
  });
  input.message(run);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(log.splice(0)).toEqual(['send message', 'send message']);
  waited.resolve();
  await vi.advanceTimersByTimeAsync(3_000);
  input.message(answer);
  await vi.advanceTimersByTimeAsync(3_000);
  held.resolve();
  await vi.advanceTimersByTimeAsync(3_000);
  expect({ log, timers: vi.getTimerCount() }).toEqual({ log: ['send ask', 'send launch'], timers: 0 });
});

test('a second run, or a message that comes too early, ends the connection', async () => {
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

test('an invalid frame ends the connection', async () => {
  serve({});
  input.message(Buffer.from('nothing of the kind'));
  await settled();
  expect(log).toEqual(['close']);
});

test('too many messages end the connection', async () => {
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

test('the tree that a launch needs is handed over with it', async () => {
  serve({
    run: async () => {
      connection.trees = [tree];
      connection.send('launch', [{ name: 'record', value: Buffer.of(1) }]);
    },
  });
  input.message(run);
  await settled();
  input.message(mount);
  await settled();
  expect(log).toEqual(['send launch', 'mount', 'mount']);
});

test('a tree that cannot be handed over with its launch is refused', async () => {
  serve({
    run: async () => {
      connection.trees = [tree];
      connection.send('launch', [{ name: 'record', value: Buffer.of(1) }]);
    },
    mount: () => Promise.reject(new IsolateError('template-not-mounted', 'It is not there.')),
  });
  input.message(run);
  await settled();
  expect(log).toEqual(['send launch', 'It is not there.', 'send refuse']);
});

test('a client gets 1024 mounts of a clone, and with the next one its connection ends', async () => {
  serve({ run: launch('launch', [{ name: 'record', value: Buffer.of(1) }]) });
  input.message(run);
  await settled();
  for (let count = 1; count <= 1025; count += 1) {
    input.message(mount);
    await settled();
  }
  expect(log).toEqual(['send launch', ...Array.from({ length: 1024 }, () => 'mount'), 'close']);
});

test('after a refusal nothing is accepted', async () => {
  serve({ run: () => Promise.reject(new IsolateError('not-permitted', 'No.')) });
  input.message(run);
  await settled();
  input.message(query);
  await settled();
  expect(log).toEqual(['No.', 'send refuse', 'close']);
});

test('the client answers a question once', async () => {
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
  expect(log).toEqual([
    'send launch',
    'tree',
    'tree',
    'The clone could not be handed over: the step id map failed: operation not permitted.',
    'send refuse',
  ]);
});

const big = encodeMessage('answer', [{ name: 'variable', value: `A=${'é'.repeat(200)}` }]);

test('what a client asks and answers counts until its work is done', async () => {
  const sizes: number[] = [];
  let finish = (): void => {};
  serve({
    run: async () => {
      sizes.push(backlog.size());
      await connection.ask([{ name: 'variable-name', value: 'A' }]);
      sizes.push(backlog.size());
      await new Promise<void>((resolve) => (finish = resolve));
    },
  });
  input.message(run);
  await settled();
  input.message(big);
  await settled();
  expect(sizes).toEqual([messageBytes(run), messageBytes(run) + messageBytes(big)]);
  finish();
  await settled();
  expect({ left: backlog.size(), log }).toEqual({ left: 0, log: ['send ask'] });
});

test('a string of two bytes a character counts twice, an item and its frame beside it', () => {
  expect(messageBytes(big)).toBe(big.length + 128 + 2 * (2 + 400));
  expect(messageBytes(query)).toBe(query.length + 128 + 2 * 2);
  expect(messageBytes(mount)).toBe(mount.length);
});

test.each([
  [
    'message',
    async () => input.message(encodeMessage('run', [...longest, { name: 'directory', value: '/' }, { name: 'terminal', value: 0 }])),
  ],
  [
    'answer',
    async () => {
      input.message(run);
      await settled();
      input.message(encodeMessage('answer', longest));
    },
  ],
])('a %s for which its user has no room ends the connection, and nothing stays', async (_what, send) => {
  serve({ run: async () => void (await connection.ask([])) }, { uid: 1000 });
  await send();
  await settled();
  input.end(clientGone);
  await settled();
  expect({ closed: log.includes('close'), left: backlog.size() }).toEqual({ closed: true, left: 0 });
});

test('a client that does not answer is left to itself after a while', async () => {
  const failures: unknown[] = [];
  serve(
    { run: async () => void (await connection.ask([]).catch((error: unknown) => failures.push((error as IsolateError).code))) },
    { answerMs: 20 },
  );
  input.message(run);
  await new Promise((resolve) => connection.closed.addEventListener('abort', resolve));
  await settled();
  expect({ log, failures, left: backlog.size() }).toEqual({ log: ['send ask', 'close'], failures: ['aborted'], left: 0 });
  // What comes late is nobody's.
  input.message(big);
  await settled();
  expect({ log, left: backlog.size() }).toEqual({ log: ['send ask', 'close'], left: 0 });
});

test('what a client sent is freed while its work waits', { timeout: 30_000 }, async () => {
  const gone: string[] = [];
  const registry = new FinalizationRegistry<string>((name) => gone.push(name));
  serve({ run: (_, message) => (registry.register(message, 'message'), new Promise(() => {})) });
  // Frames are parts of what came in one piece.
  (() => {
    const piece = Buffer.concat([run, Buffer.alloc(100_000)]);
    registry.register(piece.buffer, 'piece');
    input.message(piece.subarray(0, run.length));
  })();
  await settled();
  await expect.poll(() => (collect(), gone.toSorted()), { timeout: 20_000 }).toEqual(['message', 'piece']);
});

test('a client that was given its clone loses no lease to the memory of others, nor its mounts', async () => {
  const ends: unknown[] = [];
  serve({ run: async () => (connection.send('launch', [{ name: 'record', value: Buffer.of(1) }]), connection.closed.addEventListener('abort', () => ends.push('ended'))) }, { uid: 1000 }); // prettier-ignore
  input.message(run);
  // Right after the launch, before its work is done with.
  const crowd = [1, 2, 3, 4].map((uid) => backlog.open(uid, () => {}).hold(1000));
  expect(crowd.every((hold) => hold !== null)).toBe(false);
  await settled();
  backlog.open(5, () => {}).hold(1000);
  input.message(mount);
  await settled();
  expect({ log, ends }).toEqual({ log: ['send launch', 'mount'], ends: [] });
});

test('of the user with the most, a client that still waits is dropped', async () => {
  serve({ run: () => new Promise(() => {}) }, { uid: 1000 });
  input.message(encodeMessage('run', [{ name: 'variable', value: `A=${'a'.repeat(100)}` }, { name: 'directory', value: '/' }, { name: 'terminal', value: 0 }])); // prettier-ignore
  await settled();
  for (const uid of [1, 2, 3, 4, 5, 6, 7, 8]) backlog.open(uid, () => {}).hold(450);
  backlog.open(9, () => {}).hold(400);
  expect({ log, isGone: connection.closed.aborted }).toEqual({ log: ['close'], isGone: true });
});
