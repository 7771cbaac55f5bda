import { Buffer } from 'node:buffer';

import { IsolateError } from '../error.ts';
import type { AttributeChange, BytePath, Change, ChangeKind, FileKind, FileState } from './change.ts';

/** What isolate-tree calls them. */
const kindLetters: Readonly<Record<string, ChangeKind>> = {
  '+': 'added',
  '-': 'deleted',
  c: 'content',
  t: 'type',
  p: 'mode',
  u: 'owner',
  g: 'group',
  x: 'attributes',
  a: 'acl',
};

const fileLetters: Readonly<Record<string, FileKind>> = {
  f: 'file',
  d: 'directory',
  l: 'link',
  b: 'block-device',
  c: 'character-device',
  p: 'pipe',
  s: 'socket',
};

/** The fields before the attributes. */
const fixedFields = 6;

/** Reads the records of `isolate-tree compare` (tree/main.c) as they come. Throws `internal` if they are not complete. */
export async function* parseChanges(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Change> {
  let fields: string[] = [];
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part !== '' || fields.length < fixedFields) {
        fields.push(part);
      } else {
        yield makeChange(fields);
        fields = [];
      }
    }
  }
  if (fields.length > 0 || rest !== '') throw broken(rest);
}

function makeChange([
  letters = '',
  path = '',
  before = '',
  after = '',
  targetBefore = '',
  targetAfter = '',
  ...attributes
]: readonly string[]): Change {
  return {
    path,
    kinds: Array.from(letters, (letter) => kindLetters[letter] ?? raise(letter)),
    before: makeState(before, targetBefore),
    after: makeState(after, targetAfter),
    attributes: makeAttributes(attributes),
  };
}

const statePattern =
  /^(?<kind>\S) (?<mode>[0-7]+) (?<uid>\d+) (?<gid>\d+) (?<size>\d+) (?<seconds>-?\d+)\.(?<nanoseconds>\d{9}) (?<major>\d+):(?<minor>\d+) (?<inode>\d+) (?<links>\d+)$/;

function makeState(text: string, target: BytePath): FileState | null {
  if (text === '') return null;
  const parts = statePattern.exec(text)?.groups ?? raise(text);
  const number = (name: string): number => Number(parts[name]);
  const kind = fileLetters[parts['kind'] ?? ''] ?? raise(text);
  return {
    kind,
    mode: Number.parseInt(parts['mode'] ?? '', 8),
    uid: number('uid'),
    gid: number('gid'),
    sizeBytes: number('size'),
    modifiedNs: BigInt(parts['seconds'] ?? '') * 1_000_000_000n + BigInt(parts['nanoseconds'] ?? ''),
    device: { major: number('major'), minor: number('minor') },
    inode: BigInt(parts['inode'] ?? ''),
    links: number('links'),
    target: kind === 'link' ? target : null,
  };
}

/** Those of the two sides with one name follow each other. */
function makeAttributes(fields: readonly string[]): readonly AttributeChange[] {
  const found = new Map<string, AttributeChange>();
  for (const field of fields) {
    const [, sign, hexName = '', hexValue = ''] = /^([-+])([\da-f]+)=([\da-f]*)(?:\/\d+)?$/.exec(field) ?? raise(field);
    const name = Buffer.from(hexName, 'hex').toString('latin1');
    const value = new Uint8Array(Buffer.from(hexValue, 'hex'));
    const known = found.get(name) ?? { name, before: null, after: null };
    found.set(name, sign === '-' ? { ...known, before: value } : { ...known, after: value });
  }
  return [...found.values()];
}

function raise(text: string): never {
  throw broken(text);
}

function broken(text: string): IsolateError {
  return new IsolateError('internal', `isolate-tree said something unexpected: ${JSON.stringify(text.slice(0, 100))}.`);
}
