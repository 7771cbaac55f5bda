import { closeSync, constants, openSync } from 'node:fs';
import { constants as os } from 'node:os';
import { getSystemErrorMap } from 'node:util';

import { IsolateError } from '../error.ts';
import { type Coprocess, startCoprocess } from '../process/coprocess.ts';
import { readDirectory } from './read-directory.ts';
import { findMountId, onlyPlace } from './mount-root.ts';

/**
 * Where clones are mounted that nobody uses: a mount namespace that no process of the host is in, so that no process copies them
 * when it makes one. It has each clone at the path that it was mounted at on the host. gate/shelf.c does the work.
 */
export interface Shelf {
  /** `find` and `list` know what is on it; `open` helps. */
  readonly isOpen: () => boolean;
  readonly open: () => Promise<void>;
  /** By which path this process reaches what is mounted at this path: on the shelf or, what is not there, on the host. */
  readonly find: (path: string) => string;
  /** The names in a directory of the shelf. */
  readonly list: (directory: string) => readonly string[];
  /** Moves the mount at this path of the host to the shelf. Where that cannot be it stays, and is found there. */
  readonly put: (path: string) => Promise<void>;
  /** Moves it back. Throws `storage-failed`. */
  readonly take: (path: string) => Promise<Taking>;
  /** Unmounts these; what is in use, or not on the shelf, stays as it is. */
  readonly drop: (paths: readonly string[]) => Promise<void>;
  /** Where the launcher finds the shelf, if it takes clones from it itself; null: they have to be on the host. */
  readonly direct: { readonly directory: string; readonly root: string } | null;
  readonly end: () => void;
}

/** `no-shelf`: this process sees no shelf at all, as in a mount namespace of its own. */
export type Taking = 'taken' | 'not-there' | 'no-shelf';

export interface ShelfOptions {
  /** Absolute path of isolate-gate. */
  readonly gate: string;
  /** Where the namespace is bound; root's alone. */
  readonly directory: string;
  /** A descriptor of its root, if the launcher takes clones from it itself. */
  readonly root?: number | null;
  /** For one answer of the coprocess; absent: 30 s. */
  readonly timeoutMs?: number;
  readonly warn: (message: string) => void;
}

/** All clones stay on the host. */
export const withoutShelf: Shelf = {
  isOpen: () => true,
  open: async () => {},
  find: (path) => path,
  list: () => [],
  put: async () => {},
  take: async () => 'not-there',
  drop: async () => {},
  direct: null,
  end: () => {},
};

/** A pool that does not answer must not stop those of other templates, which share the coprocess. */
const answerMs = 30_000;

/** Answers of the coprocess beside 0. */
const { ENOENT, ESRCH, ENXIO, ENODEV } = os.errno;

/** A coprocess at work. */
interface Open {
  readonly coprocess: Coprocess;
  /** null: it ended before it answered. */
  readonly answers: ((answer: number | null) => void)[];
  hasEnded: boolean;
  /** Begins again with each answer, and where one is awaited; when it is over, the coprocess is given up that owes one. */
  readonly patience: NodeJS.Timeout;
}

/** The root of the shelf, by a descriptor of this process's own, so that it outlives the coprocess. */
interface Root {
  readonly descriptor: number;
  /** By this process's number, for programs that it starts. */
  readonly path: string;
  readonly mountId: string | null;
}

interface State extends Omit<ShelfOptions, 'root'> {
  open: Open | null;
  opening: Promise<Open> | null;
  /** Null: nothing was put on it yet. */
  root: Root | null;
  isTold: boolean;
}

/** Starts its coprocess when it is first needed, and another one when that has ended. Keeps no process from ending. */
export function openShelf({ root = null, ...options }: ShelfOptions): Shelf {
  const state: State = { ...options, open: null, opening: null, root: null, isTold: false };
  return {
    isOpen: () => state.root !== null || state.open !== null,
    open: async () => void (await open(state)),
    find: (path) => find(state, path),
    list: (directory) => (state.root === null ? [] : readDirectory(state.root.path + directory)),
    put: (path) => put(state, path),
    take: async (path) => readTaking(path, await ask(state, `take ${path}`)),
    drop: async (paths) => void (await Promise.all(paths.map((path) => ask(state, `drop ${path}`)))),
    direct: root === null ? null : { directory: options.directory, root: `/proc/self/fd/${root}` },
    end: () => end(state),
  };
}

/** What is no part of the root's mount is mounted. */
function find({ root }: State, path: string): string {
  const id = root === null ? null : findMountId(root.path + path);
  return root === null || id === null || id === root.mountId ? path : root.path + path;
}

function readTaking(path: string, answer: number): Taking {
  if (answer === 0) return 'taken';
  if (answer === ENXIO) return 'no-shelf';
  if (answer === ENOENT || answer === ENODEV) return 'not-there';
  throw new IsolateError('storage-failed', `The clone at ${path} cannot be mounted on the host: ${describe(answer)}.`);
}

async function put(state: State, path: string): Promise<void> {
  const answer = await ask(state, `put ${path}`);
  if (answer !== 0 && !state.isTold) {
    state.isTold = true;
    state.warn(`${path} stays mounted on the host, which slows down whatever copies its mounts: ${describe(answer)}.`);
  }
  if (answer === 0 && state.open !== null) await look(state, state.open);
}

async function ask(state: State, command: string): Promise<number> {
  return (await send(await open(state), command)) ?? ESRCH;
}

function open(state: State): Promise<Open> {
  state.opening ??= start(state).catch((error: unknown) => {
    state.opening = null;
    throw error;
  });
  return state.opening;
}

async function start(state: State): Promise<Open> {
  const answers: Open['answers'] = [];
  const onData = readAnswers((answer) => {
    answers.shift()?.(answer);
    patience.refresh();
  });
  const coprocess = await startCoprocess({ file: state.gate, args: ['shelf', state.directory], onData });
  const giveUp = (): void => {
    if (opened.hasEnded) return;
    state.open = state.opening = null;
    opened.hasEnded = true;
    for (const answer of answers.splice(0)) answer(null);
  };
  const patience = setTimeout(() => {
    if (answers.length === 0 || opened.hasEnded) return;
    // One that waits for a pool that does not answer may survive SIGKILL, so its end is not waited for.
    coprocess.kill();
    coprocess.unref();
    giveUp();
  }, state.timeoutMs ?? answerMs).unref();
  const opened: Open = { coprocess, answers, hasEnded: false, patience };
  void coprocess.ended.finally(giveUp);
  await look(state, opened);
  if (!opened.hasEnded) state.open = opened;
  return opened;
}

async function look(state: State, opened: Open): Promise<void> {
  if (state.root !== null) return;
  const descriptor = await send(opened, 'look');
  if (descriptor !== null && descriptor > 2) state.root ??= openRoot(`/proc/${opened.coprocess.pid}/fd/${descriptor}`);
}

function openRoot(place: string): Root {
  const descriptor = openSync(place, onlyPlace | constants.O_DIRECTORY);
  const path = `/proc/${process.pid}/fd/${descriptor}`;
  return { descriptor, path, mountId: findMountId(`${path}/.`) };
}

function end(state: State): void {
  state.open?.coprocess.end();
  if (state.root !== null) closeSync(state.root.descriptor);
  state.root = null;
}

async function send(opened: Open, command: string): Promise<number | null> {
  const { coprocess, answers, patience } = opened;
  // Nobody would answer.
  if (opened.hasEnded) return null;
  coprocess.ref();
  if (answers.length === 0) patience.refresh();
  const answer = await new Promise<number | null>((resolve) => {
    answers.push(resolve);
    coprocess.write(Buffer.from(`${command}\n`));
  });
  if (answers.length === 0) coprocess.unref();
  return answer;
}

function readAnswers(onAnswer: (answer: number) => void): (chunk: Buffer) => void {
  let text = '';
  return (chunk) => {
    const lines = (text + chunk.toString('latin1')).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) onAnswer(Number(line));
  };
}

function describe(answer: number): string {
  return getSystemErrorMap().get(-answer)?.[1] ?? `error ${answer}`;
}
