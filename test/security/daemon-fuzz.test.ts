import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectDaemon } from '../../src/client/daemon-connection.ts';
import type { Item } from '../../src/wire/frame.ts';
import { type ItemName, items, type MessageName, messages } from '../../src/wire/schema.ts';
import { askRun, askStatus, type DirectoryDaemon, makeDirectoryDaemon } from '../rig/directory-daemon.ts';

let daemon: DirectoryDaemon;
beforeAll(async () => {
  daemon = makeDirectoryDaemon('one');
  daemon.configure({ one: 2 });
  await daemon.start();
}, 120_000);
afterAll(() => daemon.end());

const words = [
  '-z', '--zfs', 'tank/one', 'tank/none', '-t', '/', '--', 'true', '-e', 'chroot', 'bwrap', 'lxc', '-d', '/tmp:/tmp', '/a:/proc/self', '-v', 'A=1', 'TERM',
  '--env-file', '/etc/hosts', '--wait', '0', '1', '-q', '-n', '--read-only', '-c', '/', '--uid-base', '100000', '--help', '--json', 'status', 'refresh', '',
  '__proto__', 'constructor', '\u202e', '\n', '-', '--=', '--wait=-1', '--wait=1e99', '/../..', '/proc/self/fd', `/${'a/'.repeat(2000)}`,
]; // prettier-ignore
const text = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...words) }, fc.string({ unit: 'grapheme', maxLength: 30 }));

function valueOf(name: ItemName): fc.Arbitrary<Item['value']> {
  const { type, size } = items[name];
  if (type === 'u32') return fc.oneof(fc.constantFrom(0, 1, 2, 7), fc.nat({ max: 0xffff_ffff }));
  if (type === 'bytes') return fc.oneof(fc.uint8Array({ maxLength: Math.min(size, 40) }), fc.uint8Array({ minLength: 24, maxLength: 24 }));
  return text.filter((value) => !value.includes('\0') && Buffer.byteLength(value) <= size && value.isWellFormed());
}

const clientMessages = Object.entries(messages).filter(([, { from }]) => from === 'client');
const anyMessage = fc.constantFrom(...clientMessages).chain(([name, { items: uses }]) => {
  const parts = Object.entries(uses).map(([item, { least, most }]) =>
    fc.array(
      valueOf(item as ItemName).map((value): Item => ({ name: item as ItemName, value: item === 'wait-ms' ? 0 : value })),
      { minLength: least, maxLength: Math.min(most, 12) },
    ),
  );
  return fc.tuple(...parts).map((given) => ({ name: name as MessageName, items: given.flat() }));
});

type Sent = { readonly name: MessageName; readonly items: readonly Item[] };
const as =
  (name: ItemName) =>
  (value: Item['value']): Item => ({ name, value });
const few = fc.array(valueOf('argument'), { maxLength: 6 });

/** Such as may lead to a clone. */
const goodMessage: fc.Arbitrary<Sent> = fc.oneof(
  fc.tuple(few, few).map(([options, command]) => ({
    name: 'run' as const,
    items: [...['-z', 'tank/one', '--wait', '0', ...options, '--', 'true', ...command].map(as('argument')), as('directory')('/'), as('terminal')(0)],
  })),
  fc.tuple(fc.constantFrom('bwrap', 'chroot', 'lxc', 'none'), fc.array(valueOf('target'), { maxLength: 6 }), few).map(([engine, targets, command]) => ({
    name: 'lease' as const,
    items: [as('template')('tank/one'), as('wait-ms')(0), as('engine')(engine), ...['x', ...command].map(as('argument')), ...targets.map(as('target'))],
  })),
  fc.constant<Sent>({ name: 'mount', items: [] }),
  fc.nat({ max: 8 }).map((outcome) => ({ name: 'ended' as const, items: [as('outcome')(outcome), as('number')(1)] })),
); // prettier-ignore
const message: fc.Arbitrary<Sent> = fc.oneof(anyMessage, { weight: 3, arbitrary: goodMessage });

test('no messages in any order expose a bug of the daemon', { timeout: 200_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 6 }), fc.boolean(), async (sent, waits) => {
      const connection = await connectDaemon(daemon.socket);
      for (const { name, items: given } of sent) {
        connection?.send(name, given);
        if (!waits || name === 'answer' || name === 'ended') continue;
        const told = await connection?.receive(200).catch(() => null);
        if (told?.name !== 'ask') continue;
        // Only who answers gets as far as a clone.
        connection?.send(
          'answer',
          told.items.map((): Item => ({ name: 'missing', value: 2 })),
        );
        await connection?.receive(200).catch(() => null);
      }
      connection?.close();
    }),
    { numRuns: 5000 },
  );
  await expect.poll(async () => ((await askStatus(daemon.socket, 'ps')) as { runs: unknown[] }).runs, { timeout: 20_000 }).toEqual([]);
  expect(daemon.log().filter(({ event, level }) => event === 'internal' || level === 'error')).toEqual([]);
  // Some of them got as far as a clone.
  expect(daemon.log().filter(({ event }) => event === 'lease').length).toBeGreaterThan(20);
  const { message: last, connection } = await askRun(daemon.socket, 'one');
  connection.close();
  expect(last?.name).toBe('launch');
});
