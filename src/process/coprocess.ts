import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

import { IsolateError } from '../error.ts';
import { startsSessions } from './command.ts';

/** A program of isolate's own that lives beside this one and talks to it over its standard input and output. */
export interface Coprocess {
  readonly pid: number;
  /** Given up when the program ends or does not read. */
  readonly write: (bytes: Uint8Array) => void;
  /** Settles when it has read most of what was written; null: it has. */
  readonly drained: () => Promise<void> | null;
  /** Ends its standard input. */
  readonly end: () => void;
  readonly kill: () => void;
  /** From now on this process may end although the coprocess lives; `ref` takes it back. */
  readonly unref: () => void;
  readonly ref: () => void;
  /** Settles when it ended, with a sentence's end: "with status 1". */
  readonly ended: Promise<string>;
}

export interface CoprocessOptions {
  /** Absolute path. */
  readonly file: string;
  readonly args: readonly string[];
  readonly onData: (chunk: Buffer) => void;
}

/** What a coprocess has not read yet; one that has stopped reading must not fill this process. */
const mostUnreadBytes = 128 * 1024 * 1024;
/** Writers that can wait do so while more than this is unread. */
const manyUnreadBytes = 8 * 1024 * 1024;

/** Starts a coprocess; what it says on standard error goes where ours goes. Throws `missing-tool`. */
export async function startCoprocess({ file, args, onData }: CoprocessOptions): Promise<Coprocess> {
  const child = spawn(file, [...args], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', env: {}, detached: startsSessions() });
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal === null ? `with status ${code}` : `by ${signal}`));
  });
  await started(child, file);
  child.stdout.on('data', onData);
  // Why it cannot be written to is known when it has ended.
  child.stdin.on('error', () => {});
  return {
    pid: child.pid ?? 0,
    write: (bytes) => {
      child.stdin.write(bytes);
      if (child.stdin.writableLength > mostUnreadBytes) child.kill('SIGKILL');
    },
    drained: () => (child.stdin.writableLength > manyUnreadBytes && child.stdin.writable ? drainedOrClosed(child.stdin) : null),
    end: () => void child.stdin.end(),
    kill: () => void child.kill('SIGKILL'),
    unref: () => {
      for (const one of [child, child.stdin as Socket, child.stdout as Socket]) one.unref();
    },
    ref: () => {
      for (const one of [child, child.stdin as Socket, child.stdout as Socket]) one.ref();
    },
    ended,
  };
}

function drainedOrClosed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

function started(child: ChildProcess, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', (cause) => reject(new IsolateError('missing-tool', `${file} cannot be started.`, { cause })));
  });
}
