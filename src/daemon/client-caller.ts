import { IsolateError } from '../error.ts';
import type { PathFacts } from '../host/facts.ts';
import { describePath } from '../host/path-facts.ts';
import { readPrivileges } from '../host/probe.ts';
import type { Questions, RunCaller } from '../run/run-caller.ts';
import { type Item, type Message, values } from '../wire/frame.ts';
import type { Connection } from './connection.ts';

/**
 * The client as the caller of a run. What the run has to know of its files and environment the client is asked for, which
 * looks with its own rights: the daemon opens no path that a client names, those of its PATH included, so a run with tools of
 * its own there is the program in Node's.
 */
export function clientCaller(run: Message, { peer, ask }: Pick<Connection, 'peer' | 'ask'>): RunCaller {
  const [cwd = '/'] = values(run, 'directory');
  const environment = values(run, 'variable').map(parseVariable);
  const { uid, gid, pid } = peer;
  return {
    uid,
    gid,
    cwd,
    process: String(pid),
    privileges: readPrivileges(String(pid)),
    // What other users may write this process cannot tell.
    cgroupFile: uid === 0 ? `/proc/${pid}/cgroup` : null,
    ask: async (questions) => {
      const told = await askClient(questions(), ask);
      return {
        environment: Object.fromEntries([...environment, ...told.variables]),
        readFile: (path) => {
          const text = told.files.get(path);
          if (text === undefined) throw new Error(`The client cannot read ${path}.`);
          return text;
        },
        probePath: (path) => told.paths.get(path) ?? null,
        findDirectory: (path) => {
          if (told.real === null) throw new IsolateError('template-missing', `The client cannot enter ${path}.`);
          return told.real;
        },
      };
    },
  };
}

/** What is at a path, as the client sees it; null: nothing that it can see. */
export async function askForFacts(path: string, { ask }: Pick<Connection, 'ask'>): Promise<PathFacts | null> {
  const { paths } = await askClient({ paths: [path], files: [], variables: [] }, ask);
  return paths.get(path) ?? null;
}

/** Bytes of all that one client tells of its files. */
const mostRead = 65_536;

interface Told {
  readonly paths: Map<string, ReturnType<typeof describePath>>;
  readonly files: Map<string, string>;
  readonly variables: Map<string, string>;
  real: string | null;
}

async function askClient(wanted: Questions, ask: Connection['ask']): Promise<Told> {
  const told: Told = { paths: new Map(), files: new Map(), variables: new Map(), real: null };
  const questions: Item[] = [
    ...wanted.paths.map((value): Item => ({ name: 'stat-path', value })),
    ...wanted.files.map((value): Item => ({ name: 'read-path', value })),
    ...wanted.variables.map((value): Item => ({ name: 'variable-name', value })),
    ...(wanted.directory === undefined ? [] : [{ name: 'real-path', value: wanted.directory } as const]),
  ];
  if (questions.length === 0) return told;
  const { items: answers } = await ask(questions);
  if (answers.length !== questions.length) throw new IsolateError('daemon-failed', 'The client did not answer all questions.');
  const read = answers.reduce((sum, { value }) => sum + (value instanceof Uint8Array ? value.length : 0), 0);
  if (read > mostRead) throw new IsolateError('daemon-failed', 'The environment files are larger than 64 KiB together.');
  for (const [index, { name, value: asked }] of questions.entries()) {
    const answer = answers[index];
    if (answer === undefined || answer.name === 'missing') continue;
    note(told, name, String(asked), answer);
  }
  return told;
}

function note(told: Told, question: Item['name'], asked: string, { name, value }: Item): void {
  if (question === 'stat-path' && name === 'path-facts' && value instanceof Uint8Array) {
    told.paths.set(asked, describePath(parseStatus(value)));
  } else if (question === 'read-path' && name === 'file-content' && value instanceof Uint8Array) {
    told.files.set(asked, new TextDecoder('utf-8', { ignoreBOM: true }).decode(value));
  } else if (question === 'variable-name' && name === 'variable' && typeof value === 'string' && value.startsWith(`${asked}=`)) {
    told.variables.set(asked, value.slice(asked.length + 1));
  } else if (question === 'real-path' && name === 'real' && typeof value === 'string' && value.startsWith('/')) {
    told.real = value;
  } else {
    throw new IsolateError('daemon-failed', `The client answered ${question} with ${name}.`);
  }
}

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
  // The encoding of glibc's gnu_dev_makedev for numbers of 12 and 20 bits.
  return { mode, uid, gid, magic, device: ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12) };
}

function parseVariable(text: string): readonly [string, string] {
  const end = text.indexOf('=');
  return [text.slice(0, end), text.slice(end + 1)];
}
