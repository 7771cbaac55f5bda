import { setTimeout as sleep } from 'node:timers/promises';

import { IsolateError } from '../error.ts';
import { type Coprocess, startCoprocess } from '../process/coprocess.ts';
import { brokerFrame, brokerOperations, cutBrokerFrames, encodeTree, readNumbers } from './broker-frames.ts';
import type { ConnectionOutput } from './connection.ts';
import type { ToldPeer } from './peer.ts';
import { rightsOf } from '../host/rights.ts';

/** The kind of a client, by the socket it connected to. */
export type ClientKind = 'client' | 'metrics';

/** What the broker reports; connections are given by number. */
export interface BrokerEvents {
  /** Clients can connect. */
  readonly ready: () => void;
  readonly opened: (connection: number, kind: ClientKind, peer: ToldPeer) => void;
  readonly message: (connection: number, frame: Buffer) => void;
  readonly failed: (connection: number, step: number, errno: number) => void;
  /** `lost`: the front ended, and the client may go on running. */
  readonly closed: (connection: number, lost: boolean) => void;
  /** The broker ended, and with it every connection; another one is started. */
  readonly lost: (error: IsolateError) => void;
}

export interface BrokerOptions {
  /** Absolute path of isolate-gate. */
  readonly file: string;
  readonly args: readonly string[];
  readonly events: BrokerEvents;
  /** Aborting it ends the broker. */
  readonly signal: AbortSignal;
}

const firstPauseMs = 50;
const longestPauseMs = 10_000;
/** A broker that lived this long did not fail at its start. */
const soundMs = 30_000;
/** How long a broker may take to end by itself, in milliseconds. */
const graceMs = 2_000;

export interface Broker {
  readonly output: ConnectionOutput;
  /** Settles when the broker has read most of what it was sent; null: it already has. */
  readonly drained: () => Promise<void> | null;
  /** Settles when the last one has ended. */
  readonly done: Promise<void>;
}

/** Keeps a broker running until `signal` is aborted. Messages sent while there is none are dropped. */
export function startBroker(options: BrokerOptions): Broker {
  let current: Coprocess | null = null;
  const write = (connection: number, operation: number, body?: Uint8Array): void =>
    current?.write(brokerFrame(connection, operation, body));

  async function keep(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!options.signal.aborted) {
      const startMs = performance.now();
      const why = await runOne().catch((error: unknown) => failure((error as Error).message, error));
      if (options.signal.aborted) return;
      options.events.lost(why);
      pauseMs = performance.now() - startMs > soundMs ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs);
      await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }

  async function runOne(): Promise<IsolateError> {
    let broken: IsolateError | null = null;
    const take = cutBrokerFrames((connection, operation, body) => tell(options.events, connection, operation, body));
    const broker = await startCoprocess({
      file: options.file,
      args: options.args,
      onData: (chunk) => {
        if (broken !== null) return;
        try {
          take(chunk);
        } catch (error) {
          broken = error instanceof IsolateError ? error : failure('it sent an impossible message', error);
          broker.kill();
        }
      },
    });
    const onAbort = (): void => {
      broker.end();
      setTimeout(broker.kill, graceMs).unref();
    };
    current = broker;
    options.signal.addEventListener('abort', onAbort);
    if (options.signal.aborted) onAbort();
    const how = await broker.ended;
    options.signal.removeEventListener('abort', onAbort);
    current = null;
    return broken ?? failure(`it ended ${how}`);
  }

  return {
    output: {
      send: (connection, frame) => write(connection, brokerOperations.send, frame),
      tree: (connection, tree) => write(connection, brokerOperations.tree, encodeTree(tree)),
      close: (connection) => write(connection, brokerOperations.close),
    },
    drained: () => current?.drained() ?? null,
    done: keep(),
  };
}

function tell(events: BrokerEvents, connection: number, operation: number, body: Buffer): void {
  if (operation === brokerOperations.message) return events.message(connection, body);
  if (operation === brokerOperations.closed) return events.closed(connection, body.length > 0);
  const numbers = readNumbers(body);
  if (operation === brokerOperations.ready) return events.ready();
  if (operation === brokerOperations.opened) {
    const [kind = 0, uid, gid, pid = 0, startLow = 0, startHigh = 0, count = 0, ...groups] = numbers;
    if (uid === undefined || gid === undefined || groups.length !== count) throw failure('it reported an impossible client');
    const start = (BigInt(startHigh) << 32n) | BigInt(startLow);
    const peer = { uid, gid, rights: rightsOf(uid), pid, startTime: start === 0n ? null : String(start), groups };
    return events.opened(connection, kind === 1 ? 'metrics' : 'client', peer);
  }
  if (operation === brokerOperations.failed) {
    const [step = 0, errno = 0] = numbers;
    return events.failed(connection, step, errno);
  }
  throw failure(`it sent the unknown operation ${operation}`);
}

function failure(reason: string, cause?: unknown): IsolateError {
  return new IsolateError('daemon-failed', `The broker was lost: ${reason}.`, { cause });
}
