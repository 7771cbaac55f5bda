import { IsolateError } from '../error.ts';
import type { Field, Fields, Names } from './fields.ts';
import type { MountOperation } from './launch.ts';
import { type ItemName, type ItemRule, items, type ItemValues } from './schema.ts';

/** What an item of the record was made from, if an error can name it. */
export type LaunchPart =
  | { readonly kind: 'descriptor'; readonly number: number; readonly path?: string }
  | { readonly kind: 'mount'; readonly operation: MountOperation }
  | { readonly kind: 'cgroup' | 'file'; readonly path: string }
  | { readonly kind: 'companion'; readonly name: string };

/** One item, not encoded yet. An error of the launcher refers to it by its place in the list, from 1. */
export interface RecordItem {
  readonly name: ItemName;
  readonly values: Readonly<Record<string, unknown>>;
  readonly part?: LaunchPart;
}

/** An item with the values that the schema requires. */
export function item<Name extends ItemName>(name: Name, values: ItemValues<Name>, part?: LaunchPart): RecordItem {
  return { name, values, ...(part === undefined ? {} : { part }) };
}

/**
 * The launch record of these items, as launcher/RECORD.md describes it.
 * Throws IsolateError `launch-failed` for a string with a NUL in it or a record over 16 MiB.
 */
export function encodeItems(list: readonly RecordItem[]): Uint8Array<ArrayBuffer> {
  const body = Buffer.concat([...list.map(encodeItem), number(0), number(0)]);
  if (body.length > bodyLimitBytes) {
    throw new IsolateError('launch-failed', `The launch needs a record of ${body.length} bytes, more than the ${bodyLimitBytes} allowed.`);
  }
  return Buffer.concat([Buffer.from('ISOLREC1'), number(body.length), body]);
}

const bodyLimitBytes = 16 * 1024 * 1024;

function encodeItem({ name, values }: RecordItem): Buffer {
  const { tag, fields, kinds }: ItemRule = items[name];
  const operation = kinds?.[values['kind'] as string];
  const value = Buffer.concat([
    ...(operation === undefined ? [] : [number(operation.kind)]),
    ...encodeFields(operation?.fields ?? fields ?? {}, values),
  ]);
  return Buffer.concat([number(tag), number(value.length), value]);
}

function encodeFields(fields: Fields, values: Readonly<Record<string, unknown>>): Uint8Array[] {
  return Object.entries(fields).map(([name, field]) => encodeField(field, values[name]));
}

/** The types of `item` ensure that the value has the field's type. */
function encodeField(field: Field, value: unknown): Uint8Array {
  switch (field.type) {
    case 'flag':
      return Buffer.alloc(0);
    case 'number':
      return number(value as number);
    case 'choice':
      return number(numberOf(field.of, value as string));
    case 'bits':
      return number((value as readonly string[]).reduce((sum, name) => sum | numberOf(field.of, name), 0));
    case 'bytes':
      return withLength(value as Uint8Array);
    default:
      return withLength(bytesOf((value as string | undefined) ?? ''));
  }
}

function numberOf(names: Names, name: string): number {
  const value = names[name];
  if (value === undefined) throw new IsolateError('launch-failed', `The launcher does not know ${JSON.stringify(name)}.`);
  return value;
}

function withLength(bytes: Uint8Array): Buffer {
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Throws IsolateError `launch-failed` for a text with a NUL. */
export function bytesOf(text: string): Buffer {
  if (text.includes('\0')) {
    throw new IsolateError('launch-failed', `The string ${JSON.stringify(text)} of the launch contains a NUL character.`);
  }
  return Buffer.from(text);
}
