import { IsolateError } from '../error.ts';
import { cutFrames } from '../wire/cut-frames.ts';
import { clientBodyBytes } from '../wire/schema.ts';
import type { PlacedTree } from './tree.ts';

/** The operations between broker and daemon (gate/PROTOCOL.md). */
export const brokerOperations = { ready: 0, opened: 1, message: 2, closed: 3, failed: 4, send: 16, tree: 17, close: 18 } as const;

/** `length connection operation` precedes every body. */
const headerBytes = 12;
/** A client's largest message with its header. */
const longestBody = clientBodyBytes + 12;

/** A frame to the broker. */
export function brokerFrame(connection: number, operation: number, body: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32LE(body.length, 0);
  frame.writeUInt32LE(connection, 4);
  frame.writeUInt32LE(operation, 8);
  frame.set(body, headerBytes);
  return frame;
}

/** Calls `onFrame` for every complete frame of a stream that is given in pieces. Throws `daemon-failed` for a frame that is too long. */
export function cutBrokerFrames(onFrame: (connection: number, operation: number, body: Buffer) => void): (chunk: Buffer) => void {
  return cutFrames(headerBytes, brokerFrameLength, (frame) =>
    onFrame(frame.readUInt32LE(4), frame.readUInt32LE(8), frame.subarray(headerBytes)),
  );
}

function brokerFrameLength(header: Buffer): number {
  const length = header.readUInt32LE(0);
  if (length > longestBody) throw new IsolateError('daemon-failed', `The broker sent a frame of ${length} bytes.`);
  return headerBytes + length;
}

/** The numbers of a body. */
export function readNumbers(body: Buffer): number[] {
  return Array.from({ length: Math.floor(body.length / 4) }, (_, index) => body.readUInt32LE(index * 4));
}

/** The body of `tree`. */
export function encodeTree({ uid, gid, idmapped, uidMap, gidMap, device, path }: PlacedTree): Buffer {
  const maps = [...uidMap, ...gidMap].flatMap(({ inside, outside, count }) => [inside, outside, count]);
  const numbers = [uid, gid, idmapped ? 1 : 0, uidMap.length, gidMap.length, device >>> 0, ...maps];
  const body = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) body.writeUInt32LE(number, index * 4);
  return Buffer.concat([body, Buffer.from(path)]);
}
