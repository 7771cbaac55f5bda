import { IsolateError } from '../error.ts';
import {
  clientBodyBytes,
  daemonBodyBytes,
  type ItemName,
  type ItemRule,
  items,
  type MessageName,
  type MessageRule,
  messages,
  protocolVersion,
} from './schema.ts';

/** One item: a number for `u32`, text for `string`, a view into the frame for `bytes`. */
export type Item = { readonly name: ItemName; readonly value: number | string | Uint8Array };

export interface Message {
  readonly name: MessageName;
  readonly items: readonly Item[];
}

/** Magic, version, kind and body length stand before every body. */
export const headerBytes = 12;
const magic = 0x4d_4f_53_49;

/** Encodes a message. Throws `daemon-failed` for one that the schema does not allow: it would be refused. */
export function encodeMessage(name: MessageName, given: readonly Item[] = []): Buffer {
  const rule: MessageRule = messages[name];
  const parts = given.map(({ name: item, value }) => encodeItem(item, value));
  const body = Buffer.concat(parts);
  const problem = checkUses(rule, given) ?? (body.length > bodyLimit(rule) ? `it has ${body.length} bytes` : null);
  if (problem !== null) throw new IsolateError('daemon-failed', `A message ${name} cannot be sent: ${problem}.`);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt16LE(protocolVersion, 4);
  header.writeUInt16LE(rule.kind, 6);
  header.writeUInt32LE(body.length, 8);
  return Buffer.concat([header, body]);
}

/**
 * The length of the whole frame that begins with `header` (12 bytes). Throws `daemon-failed` for another magic or version,
 * an unknown kind, the other side's kind, and a body that is too long.
 */
export function frameLength(header: Uint8Array, from: MessageRule['from']): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== magic) throw malformed('it does not begin as one');
  if (view.getUint16(4, true) !== protocolVersion) throw malformed(`it is of version ${view.getUint16(4, true)}, not ${protocolVersion}`);
  const [name, rule] = findMessage(view.getUint16(6, true));
  if (rule.from !== from) throw malformed(`${name} does not come from a ${from}`);
  const length = view.getUint32(8, true);
  if (length > bodyLimit(rule)) throw malformed(`its body has ${length} bytes`);
  return headerBytes + length;
}

/** What kind of message a whole frame is, without a look at its items. Throws `daemon-failed` as `frameLength` does. */
export function frameName(frame: Uint8Array, from: MessageRule['from']): MessageName {
  if (frame.length < headerBytes || frame.length !== frameLength(frame.subarray(0, headerBytes), from))
    throw malformed('its length is wrong');
  return findMessage(new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint16(6, true))[0];
}

/** The inverse of `encodeMessage`, for one whole frame. Throws `daemon-failed` for whatever the schema does not allow. */
export function decodeMessage(frame: Uint8Array, from: MessageRule['from']): Message {
  const name = frameName(frame, from);
  const rule: MessageRule = messages[name];
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const decoded: Item[] = [];
  for (let at = headerBytes; at < frame.length;) {
    if (frame.length - at < 8) throw malformed('an item is cut off');
    const item = itemNames.get(view.getUint32(at, true));
    const size = view.getUint32(at + 4, true);
    if (item === undefined) throw malformed('an item is unknown');
    if (size > frame.length - at - 8) throw malformed(`its item ${item} is cut off`);
    decoded.push({ name: item, value: decodeValue(item, frame.subarray(at + 8, at + 8 + size)) });
    at += 8 + size;
  }
  const problem = checkUses(rule, decoded);
  if (problem !== null) throw malformed(problem);
  return { name, items: decoded };
}

/** Bytes of memory of an item beside its value, at most: the objects that it is made of, and its place in a list. */
const itemOverhead = 128;

/**
 * How many bytes of memory a whole frame and the message in it take at most: a string has two for each of its bytes where
 * it has but one character beyond Latin-1. Of a malformed frame what comes before the mistake counts.
 */
export function messageBytes(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let bytes = frame.length;
  for (let at = headerBytes; frame.length - at >= 8;) {
    const size = Math.min(view.getUint32(at + 4, true), frame.length - at - 8);
    bytes += itemOverhead + (stringTags.has(view.getUint32(at, true)) ? 2 * size : 0);
    at += 8 + size;
  }
  return bytes;
}

const stringTags = new Set<number>(Object.values(items).flatMap(({ tag, type }) => (type === 'string' ? [tag] : [])));

/** What the value of an item is, by the type that the schema gives it. */
type ValueOf<Name extends ItemName> = { u32: number; string: string; bytes: Uint8Array }[(typeof items)[Name]['type']];

/** The values of all items of a name, in order. */
export function values<Name extends ItemName>({ items: given }: Message, name: Name): readonly ValueOf<Name>[] {
  return given.filter((item) => item.name === name).map((item) => item.value as ValueOf<Name>);
}

const itemNames = new Map<number, ItemName>(Object.entries(items).map(([name, { tag }]) => [tag, name as ItemName]));
const messageNames = new Map<number, MessageName>(Object.entries(messages).map(([name, { kind }]) => [kind, name as MessageName]));

function findMessage(kind: number): readonly [MessageName, MessageRule] {
  const name = messageNames.get(kind);
  if (name === undefined) throw malformed(`the kind ${kind} is unknown`);
  return [name, messages[name]];
}

function bodyLimit(rule: MessageRule): number {
  return rule.from === 'client' ? clientBodyBytes : daemonBodyBytes;
}

function checkUses(rule: MessageRule, given: readonly Item[]): string | null {
  const counts = new Map<ItemName, number>();
  for (const { name } of given) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const name of counts.keys()) if (rule.items[name] === undefined) return `it has an item ${name}`;
  for (const [name, use] of Object.entries(rule.items)) {
    const count = counts.get(name as ItemName) ?? 0;
    if (count < use.least || count > use.most) return `it has ${count} items ${name}`;
  }
  return null;
}

function encodeItem(name: ItemName, value: number | string | Uint8Array): Buffer {
  const { tag, type, size }: ItemRule = items[name];
  const bytes = typeof value === 'number' ? number(value) : typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length > size || (type === 'string' && bytes.includes(0)) || (type === 'u32') !== (typeof value === 'number')) {
    throw new IsolateError('daemon-failed', `An item ${name} of ${bytes.length} bytes cannot be sent.`);
  }
  return Buffer.concat([number(tag), number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeValue(name: ItemName, bytes: Uint8Array): number | string | Uint8Array {
  const { type, size }: ItemRule = items[name];
  if (bytes.length > size || (type === 'u32' && bytes.length !== 4)) throw malformed(`its item ${name} has ${bytes.length} bytes`);
  if (type === 'bytes') return bytes;
  if (type === 'u32') return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (bytes.includes(0)) throw malformed(`its item ${name} has a NUL in it`);
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed(`its item ${name} is not UTF-8`);
  }
}

function malformed(reason: string): IsolateError {
  return new IsolateError('daemon-failed', `A message of the daemon's protocol is malformed: ${reason}.`);
}
