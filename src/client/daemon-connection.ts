import { lstatSync, type Stats } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { type ErrorCode, IsolateError } from '../error.ts';
import { adviseAccess } from '../host/daemon-access.ts';
import { daemonRestart } from '../host/daemon-start.ts';
import { cutFrames } from '../wire/cut-frames.ts';
import { decodeMessage, encodeMessage, frameLength, headerBytes, type Item, type Message, values } from '../wire/frame.ts';
import type { MessageName } from '../wire/schema.ts';

/** Where the daemon listens; takes nothing from the environment. */
export const daemonSocket = '/run/isolate/isolated.sock';

/** A connection to the daemon (gate/PROTOCOL.md). When it ends, so does its lease. */
export interface DaemonConnection {
  readonly send: (name: MessageName, items?: readonly Item[]) => void;
  /** The next message; null: the connection has ended. Throws `daemon-failed` for a malformed message, SilentDaemon after `limitMs`. */
  readonly receive: (limitMs: number) => Promise<Message | null>;
  /** Stops reading and returns the socket for a child to inherit. It is non-blocking. */
  readonly handOver: () => Socket;
  readonly close: () => void;
}

/** A daemon that is there, but does not answer. */
export class SilentDaemon extends IsolateError {
  constructor(limitMs: number) {
    super('daemon-failed', `The daemon did not answer within ${limitMs / 1000} s.`, { hint: daemonRestart() });
  }
}

const backlogMs = 10_000;

/**
 * Connects to the daemon; null: there is none. Throws `not-permitted` for a user who may not connect, `daemon-failed` for a socket that
 * does not belong to root.
 */
export async function connectDaemon(path: string = daemonSocket): Promise<DaemonConnection | null> {
  if (!isRoots(path)) return null;
  const deadline = performance.now() + backlogMs;
  for (;;) {
    try {
      return openConnection(await connectSocket(path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Nothing listens any more.
      if (code === 'ENOENT' || code === 'ECONNREFUSED') return null;
      if (code === 'EACCES' || code === 'EPERM') {
        throw new IsolateError('not-permitted', `You may not connect to the daemon at ${path}.`, { hint: adviseAccess(path) });
      }
      if (code !== 'EAGAIN' || performance.now() > deadline) {
        throw new IsolateError('daemon-failed', `Could not connect to the daemon at ${path}.`, { cause: error });
      }
      // The kernel's queue of waiting clients is full; unlike a blocking connect(2), libuv's does not wait.
      await wait(10);
    }
  }
}

/** The error in a `refuse` message. */
export function refusalOf(message: Message): IsolateError {
  const [text = ''] = values(message, 'json');
  try {
    const { code, message: sentence, hint } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof code === 'string' && /^[a-z-]+$/.test(code) && typeof sentence === 'string') {
      return new IsolateError(code as ErrorCode, sentence, typeof hint === 'string' ? { hint } : {});
    }
  } catch {
    // Reported below, like everything else that is not a refusal.
  }
  return new IsolateError('daemon-failed', 'The daemon refused without giving a reason.');
}

/** A process that could replace this socket would get the caller's environment and decide what it executes. */
function isRoots(path: string): boolean {
  const socket = lookAt(path);
  if (socket === undefined) return false;
  const directory = lstatSync(dirname(path));
  if (socket.isSocket() && socket.uid === 0 && directory.isDirectory() && directory.uid === 0 && (directory.mode & 0o022) === 0) {
    return true;
  }
  throw new IsolateError('daemon-failed', `${path} is not a socket owned by root in a directory owned by root.`);
}

/** Undefined: nothing is there. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') {
      const directory = dirname(path);
      throw new IsolateError('not-permitted', `You may not enter ${directory}, so you cannot connect to the daemon.`, {
        hint: `chmod 755 ${directory}, as root`,
      });
    }
    throw new IsolateError('daemon-failed', `Could not check the daemon's socket ${path}.`, { cause: error });
  }
}

function connectSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function openConnection(socket: Socket): DaemonConnection {
  const received: Message[] = [];
  let failure: Error | null = null;
  let ended = false;
  let wake = (): void => {};
  const take = cutFrames(
    headerBytes,
    (header) => frameLength(header, 'daemon'),
    (frame) => received.push(decodeMessage(frame, 'daemon')),
  );
  const onData = (chunk: Buffer): void => {
    try {
      take(chunk);
    } catch (error) {
      failure = error as Error;
      socket.destroy();
    }
    wake();
  };
  // A broken connection counts as ended: either way the daemon is gone.
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  socket.on('data', onData).on('error', onEnd).on('end', onEnd).on('close', onEnd);
  return {
    send: (name, items = []) => void socket.write(encodeMessage(name, items)),
    receive: async (limitMs) => {
      const deadline = performance.now() + limitMs;
      for (;;) {
        const message = received.shift();
        if (message !== undefined) return message;
        if (failure !== null) throw failure;
        if (ended) return null;
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) throw new SilentDaemon(limitMs);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    handOver: () => {
      socket.off('data', onData).pause();
      return socket;
    },
    close: () => void socket.destroy(),
  };
}
