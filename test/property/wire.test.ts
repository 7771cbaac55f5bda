import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IsolateError } from '../../src/error.ts';
import { decodeMessage, encodeMessage, frameLength, headerBytes, type Item, type Message } from '../../src/wire/frame.ts';
import { type ItemName, items, type MessageName, type MessageRule, messages } from '../../src/wire/schema.ts';

const textWithoutNul = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', ''));

function itemOf(name: ItemName): fc.Arbitrary<Item> {
  const { type, size } = items[name];
  if (type === 'u32') return fc.nat(0xff_ff_ff_ff).map((value) => ({ name, value }));
  if (type === 'string') return textWithoutNul.filter((text) => Buffer.byteLength(text) <= size).map((value) => ({ name, value }));
  return fc.uint8Array({ maxLength: Math.min(size, 40) }).map((value) => ({ name, value }));
}

/** Any message that the schema allows, its items in any order. */
const message: fc.Arbitrary<Message> = fc.constantFrom(...(Object.keys(messages) as MessageName[])).chain((name) => {
  const rule: MessageRule = messages[name];
  const parts = Object.entries(rule.items).map(([item, { least, most }]) =>
    fc.array(itemOf(item as ItemName), { minLength: least, maxLength: Math.min(most, least + 3) }),
  );
  return fc
    .tuple(...parts)
    .chain((groups) => fc.shuffledSubarray(groups.flat(), { minLength: groups.flat().length }))
    .map((given) => ({ name, items: given }));
});

const plain = ({ name, items: given }: Message): unknown => ({
  name,
  items: given.map(({ name: item, value }) => [item, value instanceof Uint8Array ? [...value] : value]),
});

test('whatever is encoded is decoded unchanged', () => {
  fc.assert(
    fc.property(message, (sent) => {
      const { from } = messages[sent.name];
      const frame = encodeMessage(sent.name, sent.items);
      expect(frameLength(frame.subarray(0, headerBytes), from)).toBe(frame.length);
      expect(plain(decodeMessage(frame, from))).toEqual(plain(sent));
    }),
    { numRuns: 500 },
  );
});

test('a changed frame is either decoded to what the schema allows or refused', () => {
  const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.option(fc.nat(64)) });
  fc.assert(
    fc.property(message, fc.array(change, { minLength: 1, maxLength: 4 }), (sent, changes) => {
      const { from } = messages[sent.name];
      let frame: Buffer = encodeMessage(sent.name, sent.items);
      for (const { at, to, cut } of changes) {
        frame[at % frame.length] = to;
        if (cut !== null) frame = frame.subarray(0, Math.max(1, frame.length - cut));
      }
      try {
        const { name, items: given } = decodeMessage(frame, from);
        expect(encodeMessage(name, given)).toEqual(frame);
      } catch (error) {
        expect(error).toBeInstanceOf(IsolateError);
      }
    }),
    { numRuns: 2000 },
  );
});
