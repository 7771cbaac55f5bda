import type { PathFacts } from '../host/facts.ts';
import { describePath } from '../host/path-facts.ts';
import { IsolateError } from '../error.ts';
import { deviceNumber } from '../host/device-number.ts';
import type { MountEntry } from '../host/mountinfo.ts';
import { readMounts } from '../host/read-mounts.ts';
import type { Questions } from '../run/run-caller.ts';
import type { Item } from '../wire/frame.ts';
import type { Connection } from './connection.ts';

/** What a client is asked for. */
export interface ClientQuestions extends Partial<Questions> {
  /** Directories whose entries are wanted. */
  readonly lists?: readonly string[];
}

/** What it told; what it cannot see is not there. */
export interface Told {
  readonly paths: Map<string, PathFacts>;
  readonly files: Map<string, string>;
  readonly lists: Map<string, readonly string[]>;
  readonly variables: Map<string, string>;
  real: string | null;
}

/** Bytes of all that one client tells of its files. */
const mostRead = 65_536;

/** Asks a client, which looks with its own rights. Rejects with `daemon-failed`, and with `aborted` where it is gone. */
export async function askClient(wanted: ClientQuestions, ask: Connection['ask']): Promise<Told> {
  const told: Told = { paths: new Map(), files: new Map(), lists: new Map(), variables: new Map(), real: null };
  const questions: Item[] = [
    ...(wanted.paths ?? []).map((value): Item => ({ name: 'stat-path', value })),
    ...(wanted.files ?? []).map((value): Item => ({ name: 'read-path', value })),
    ...(wanted.lists ?? []).map((value): Item => ({ name: 'list-path', value })),
    ...(wanted.variables ?? []).map((value): Item => ({ name: 'variable-name', value })),
    ...(wanted.directory === undefined ? [] : [{ name: 'real-path', value: wanted.directory } as const]),
  ];
  if (questions.length === 0) return told;
  const { items: answers } = await ask(questions);
  if (answers.length !== questions.length) throw new IsolateError('daemon-failed', 'The client did not answer all questions.');
  const read = answers.reduce((sum, { value }) => sum + (value instanceof Uint8Array ? value.length : 0), 0);
  if (read > mostRead) throw new IsolateError('daemon-failed', 'The environment files are larger than 64 KiB together.');
  const mounts = readOnce();
  for (const [index, { name, value: asked }] of questions.entries()) {
    const answer = answers[index];
    if (answer === undefined || answer.name === 'missing') continue;
    note(told, name, String(asked), answer, mounts);
  }
  return told;
}

/** The host may have thousands, and while they are read nobody else is served. */
function readOnce(): () => readonly MountEntry[] {
  let mounts: readonly MountEntry[] | null = null;
  return () => (mounts ??= readMounts());
}

function note(told: Told, question: Item['name'], asked: string, { name, value }: Item, mounts: () => readonly MountEntry[]): void {
  if (question === 'stat-path' && name === 'path-facts' && value instanceof Uint8Array && value.length === statusBytes) {
    told.paths.set(asked, describePath(parseStatus(value), mounts));
  } else if (question === 'read-path' && name === 'file-content' && value instanceof Uint8Array) {
    told.files.set(asked, new TextDecoder('utf-8', { ignoreBOM: true }).decode(value));
  } else if (question === 'list-path' && name === 'entries' && value instanceof Uint8Array) {
    told.lists.set(asked, new TextDecoder('utf-8').decode(value).split('\0').slice(0, -1));
  } else if (question === 'variable-name' && name === 'variable' && typeof value === 'string' && value.startsWith(`${asked}=`)) {
    told.variables.set(asked, value.slice(asked.length + 1));
  } else if (question === 'real-path' && name === 'real' && typeof value === 'string' && value.startsWith('/')) {
    told.real = value;
  } else {
    throw new IsolateError('daemon-failed', `The client answered ${question} with ${name}.`);
  }
}

/** Six numbers. */
const statusBytes = 24;

function parseStatus(bytes: Uint8Array): Parameters<typeof describePath>[0] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [mode, uid, gid, magic, major, minor] = [0, 4, 8, 12, 16, 20].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { mode, uid, gid, magic, device: deviceNumber(major, minor) };
}
