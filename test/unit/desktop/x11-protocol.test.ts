import { expect, test } from 'vitest';

import {
  formatGenerateUntrusted,
  formatQueryExtension,
  formatRevoke,
  formatSetup,
  parseAnswer,
  parseSetup,
} from '../../../src/desktop/x11-protocol.ts';

test('the setup carries the cookie, padded to four bytes', () => {
  expect(formatSetup(Uint8Array.of(1, 2, 3)).toString('latin1')).toBe('l\0\x0b\0\0\0\x12\0\x03\0\0\0MIT-MAGIC-COOKIE-1\0\0\x01\x02\x03\0');
});

test('requests say their length in words', () => {
  const requests = [formatQueryExtension('SECURITY'), formatGenerateUntrusted(137, 60), formatRevoke(137, 0x0102_0304)];
  expect(requests.map((request) => request.readUInt16LE(2) * 4 === request.length)).toEqual([true, true, true]);
  expect(requests.map((request) => request.toString('hex'))).toEqual([
    '6200040008000000' + '5345435552495459',
    '89010a00' + '1200000003000000' + '4d49542d4d414749432d434f4f4b49452d310000' + '3c00000001000000',
    '8902020004030201',
  ]);
});

test('a message is only taken when it is whole', () => {
  const setup = Buffer.from('0100000b00000100aabbccdd', 'hex');
  const reply = Buffer.alloc(36, 1);
  reply.writeUInt32LE(1, 4);
  expect([parseSetup(setup.subarray(0, 11)), parseSetup(setup), parseAnswer(reply.subarray(0, 35)), parseAnswer(reply)]).toEqual([
    null,
    { accepted: true, length: 12 },
    null,
    { kind: 'reply', bytes: reply, length: 36 },
  ]);
});

test('events before an answer are passed over', () => {
  const event = Buffer.alloc(32, 0xff);
  event.writeUInt8(0x80 + 12, 0);
  const long = Buffer.alloc(40, 0xff);
  long.writeUInt8(35, 0);
  long.writeUInt32LE(2, 4);
  const reply = Buffer.alloc(36, 1);
  reply.writeUInt32LE(1, 4);
  const error = Buffer.alloc(32);
  error.writeUInt8(10, 1);
  const events = Buffer.concat([event, long]);
  expect([[], [reply], [reply.subarray(0, 35)], [error]].map((answer) => parseAnswer(Buffer.concat([events, ...answer])))).toEqual([
    null,
    { kind: 'reply', bytes: reply, length: 108 },
    null,
    { kind: 'error', code: 10, length: 104 },
  ]);
});
