import fc from 'fast-check';
import { expect, test } from 'vitest';

import { brokerFrame, cutBrokerFrames, encodeTree, readNumbers } from '../../../src/daemon/broker-frames.ts';
import { IsolateError } from '../../../src/error.ts';

const frames = fc.array(fc.record({ connection: fc.nat(), operation: fc.nat({ max: 20 }), body: fc.uint8Array({ maxLength: 200 }) }));

test('frames come out as they went in, wherever the stream is cut', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(({ connection, operation, body }) => brokerFrame(connection, operation, body)));
      const got: { connection: number; operation: number; body: Uint8Array }[] = [];
      const take = cutBrokerFrames((connection, operation, body) => got.push({ connection, operation, body: new Uint8Array(body) }));
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const length = cuts[turn % cuts.length] ?? 1;
        take(stream.subarray(at, at + length));
        at += length;
      }
      expect(got).toEqual(sent);
    }),
  );
});

test('a frame that no broker sends is refused before it is read', () => {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(0xffff_ffff, 0);
  expect(() => cutBrokerFrames(() => {})(header)).toThrow(IsolateError);
});

test('a tree is told as numbers and a path', () => {
  const uidMap = [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_535 },
  ];
  const gidMap = [{ inside: 0, outside: 1001, count: 1 }];
  const body = encodeTree({ uid: 1000, gid: 1001, idmapped: true, uidMap, gidMap, device: 64_768, path: '/run/isolate/mnt/a/1' });
  expect(readNumbers(body.subarray(0, 60))).toEqual([1000, 1001, 1, 2, 1, 64_768, 0, 1000, 1, 1, 100_000, 65_535, 0, 1001, 1]);
  expect(body.subarray(60).toString()).toBe('/run/isolate/mnt/a/1');
});
