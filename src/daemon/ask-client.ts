import { constants } from 'node:os';

import type { PathFacts } from '../host/facts.ts';
import { describePath, type PathStatus } from '../host/path-facts.ts';
import { IsolateError } from '../error.ts';
import { deviceNumber } from '../host/device-number.ts';
import type { Found } from '../host/resolve-beneath.ts';
import type { MountEntry } from '../host/mountinfo.ts';
import { mountsOnce } from '../host/mounts-once.ts';
import type { Questions } from '../run/run-caller.ts';
import type { Item } from '../wire/frame.ts';
import type { Connection } from './connection.ts';

/** The questions to a client. */
export interface ClientQuestions extends Partial<Questions> {
  /** Directories whose entries are wanted. */
  readonly lists?: readonly string[];
  /** A directory, the paths in it of which is wanted where they lead, and a file that is wanted if no link leads to it. */
  readonly tree?: { readonly path: string; readonly places: readonly string[]; readonly file?: string };
}

/** `inode`: the lower half of its number. */
type ToldStatus = PathStatus & { readonly inode: number };

/** The client's answers; what it cannot see is missing. */
export interface Told {
  readonly paths: Map<string, PathFacts>;
  /** What is there, as the kernel says it. */
  readonly status: Map<string, ToldStatus>;
  readonly files: Map<string, string>;
  readonly lists: Map<string, readonly string[]>;
  /** Without those where something is odd. */
  readonly places: Map<string, Found>;
  readonly variables: Map<string, string>;
  real: string | null;
  /** The text of the file in the tree; a number: the errno for which there is none. */
  inTree: string | number;
}

/** Most bytes that one client may send of its files. */
const mostRead = 65_536;

/** Asks a client, which looks with its own rights. Rejects with `daemon-failed`, or with `aborted` if the client is gone. */
export async function askClient(wanted: ClientQuestions, ask: Connection['ask']): Promise<Told> {
  const told: Told = {
    paths: new Map(),
    status: new Map(),
    files: new Map(),
    lists: new Map(),
    places: new Map(),
    variables: new Map(),
    real: null,
    inTree: 0,
  };
  const questions: Item[] = [
    ...(wanted.paths ?? []).map((value): Item => ({ name: 'stat-path', value })),
    ...(wanted.files ?? []).map((value): Item => ({ name: 'read-path', value })),
    ...(wanted.lists ?? []).map((value): Item => ({ name: 'list-path', value })),
    ...(wanted.variables ?? []).map((value): Item => ({ name: 'variable-name', value })),
    ...(wanted.directory === undefined ? [] : [{ name: 'real-path', value: wanted.directory } as const]),
  ];
  // Says what the others are about, and has no answer.
  const tree: Item[] = wanted.tree === undefined ? [] : [{ name: 'tree-path', value: wanted.tree.path }];
  const looks = (wanted.tree?.places ?? []).map((value): Item => ({ name: 'look-path', value }));
  const readInTree: Item[] = wanted.tree?.file === undefined ? [] : [{ name: 'read-in-tree', value: wanted.tree.file }];
  const asked = [...questions, ...looks, ...readInTree];
  if (asked.length === 0) return told;
  const { items: answers } = await ask([...questions, ...tree, ...looks, ...readInTree]);
  if (answers.length !== asked.length) throw new IsolateError('daemon-failed', 'The client did not answer all questions.');
  const contents = answers.slice(0, asked.length - readInTree.length).filter(({ name }) => name === 'file-content' || name === 'entries');
  const read = contents.reduce((sum, { value }) => sum + (value instanceof Uint8Array ? value.length : 0), 0);
  if (read > mostRead) throw new IsolateError('daemon-failed', 'The files are larger than 64 KiB together.');
  const mounts = mountsOnce();
  for (const [index, { name, value }] of asked.entries()) {
    const answer = answers[index];
    if (name === 'read-in-tree' && answer?.name === 'missing') told.inTree = Number(answer.value);
    if (answer === undefined || answer.name === 'missing') continue;
    note(told, name, String(value), answer, mounts);
  }
  return told;
}

function note(told: Told, question: Item['name'], asked: string, { name, value }: Item, mounts: () => readonly MountEntry[]): void {
  if (question === 'stat-path' && name === 'path-facts' && value instanceof Uint8Array && value.length === statusBytes) {
    const status = parseStatus(value);
    told.paths.set(asked, describePath(status, mounts));
    told.status.set(asked, status);
  } else if (question === 'read-path' && name === 'file-content' && value instanceof Uint8Array) {
    told.files.set(asked, new TextDecoder('utf-8', { ignoreBOM: true }).decode(value));
  } else if (question === 'list-path' && name === 'entries' && value instanceof Uint8Array) {
    told.lists.set(asked, new TextDecoder('utf-8').decode(value).split('\0').slice(0, -1));
  } else if (question === 'variable-name' && name === 'variable' && typeof value === 'string' && value.startsWith(`${asked}=`)) {
    told.variables.set(asked, value.slice(asked.length + 1));
  } else if (question === 'look-path' && name === 'found' && value instanceof Uint8Array && value.length >= 4) {
    const found = placeOf(value);
    if (found !== null) told.places.set(asked, found);
  } else if (question === 'read-in-tree' && name === 'file-content' && value instanceof Uint8Array) {
    told.inTree = decodeText(value) ?? constants.errno.EILSEQ;
  } else if (question === 'real-path' && name === 'real' && typeof value === 'string' && value.startsWith('/')) {
    told.real = value;
  } else {
    throw new IsolateError('daemon-failed', `The client answered ${question} with ${name}.`);
  }
}

const kinds: readonly Found['kind'][] = ['directory', 'other', 'missing'];

/** A number and a path. Null: something is odd with it. */
function placeOf(bytes: Uint8Array): Found | null {
  const kind = kinds[new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) - 1];
  const path = decodeText(bytes.subarray(4));
  return kind === undefined || path === null ? null : { path: path === '' ? '/' : path, kind };
}

/** Null: it is no text, as the target of a link may be none. */
function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Seven numbers. */
const statusBytes = 28;

function parseStatus(bytes: Uint8Array): ToldStatus {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [mode, uid, gid, magic, major, minor, inode] = [0, 4, 8, 12, 16, 20, 24].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { mode, uid, gid, magic, device: deviceNumber(major, minor), inode };
}
