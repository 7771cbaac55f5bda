import { IsolateError } from '../error.ts';
import { decodeMessage, encodeMessage, frameName, type Item, type Message, messageBytes, values } from '../wire/frame.ts';
import type { MessageName } from '../wire/schema.ts';
import type { Backlog, Hold } from './backlog.ts';
import type { DaemonLease } from './leases.ts';
import type { Peer } from './peer.ts';
import { type PlacedTree, type Tree, treeFailure } from './tree.ts';
import type { TakeTurn } from './turns.ts';

/** One client. What is sent to one that is gone is dropped. */
export interface Connection {
  readonly id: number;
  readonly peer: Peer;
  /** Aborted when the connection ended; its reason is `clientGone`, or `brokerGone` where the client may live on. */
  readonly closed: AbortSignal;
  /** What this connection leased; set by the handler, so that `mount` and `ended` find it. */
  lease: DaemonLease | null;
  /** What `mount` hands over; null: nothing. */
  tree: Tree | null;
  readonly send: (name: MessageName, items?: readonly Item[]) => void;
  /** Settles with the client's next message or end at the latest; rejects with IsolateError where the tree could not be made. */
  readonly sendTree: (tree: PlacedTree) => Promise<void>;
  /** Sends `ask` and waits for the client's `answer`; rejects with `aborted` when the connection ends, as it does without an answer in time. */
  readonly ask: (items: readonly Item[]) => Promise<Message>;
  readonly close: () => void;
}

/** What becomes of the messages of clients. What a handler throws is sent as `refuse`. */
export interface Handlers {
  readonly run: (connection: Connection, message: Message) => Promise<void>;
  readonly lease: (connection: Connection, message: Message) => Promise<void>;
  readonly query: (connection: Connection, message: Message) => Promise<void>;
  readonly join: (connection: Connection, message: Message) => Promise<void>;
  readonly mount: (connection: Connection) => Promise<void>;
  /** `outcome` and `number` as in gate/PROTOCOL.md. */
  readonly ended: (connection: Connection, outcome: number, number: number) => void;
}

/** The daemon's side of the broker's pipe, as far as one connection needs it. */
export interface ConnectionOutput {
  readonly send: (connection: number, frame: Uint8Array) => void;
  readonly tree: (connection: number, tree: PlacedTree) => void;
  readonly close: (connection: number) => void;
}

export interface ConnectionOptions {
  readonly id: number;
  readonly peer: Peer;
  readonly output: ConnectionOutput;
  readonly handlers: Handlers;
  /** The items of the `refuse` that tells a client of an error. */
  readonly refuse: (error: unknown) => readonly Item[];
  readonly takeTurn: TakeTurn;
  readonly backlog: Pick<Backlog, 'open'>;
  /** How long a client may take to answer. */
  readonly answerMs?: number;
}

/** What the broker tells of one connection. */
export interface ConnectionInput {
  readonly message: (frame: Uint8Array) => void;
  readonly failed: (step: number, errno: number) => void;
  readonly end: (reason: symbol) => void;
}

/** Reasons of `closed`. */
export const clientGone = Symbol('client gone');
export const brokerGone = Symbol('broker gone');

/** More messages than this that wait for their turn are not a client of ours. */
const mostWaiting = 8;
/** So are more mounts of one clone: a run takes one, and each of its hooks. Each keeps the broker busy for a while. */
const mostMounts = 8;

/** A client looks at its own files and variables; one whose file system hangs is better served by the program in Node. */
const defaultAnswerMs = 10_000;

/** A message that waits for its turn or is worked on. Its bytes are let go when it is decoded. */
interface Held {
  frame: Uint8Array | null;
  readonly hold: Hold;
}

type Work = (message: Message) => Promise<void>;

const uncounted: Hold = { resize: () => true, release: () => {} };

/** Serves one client: its messages in order, one at a time, each only where it is expected; an unexpected one ends the connection. */
export function serveConnection(options: ConnectionOptions): { readonly connection: Connection; readonly input: ConnectionInput } {
  const { id, peer, output, handlers, answerMs = defaultAnswerMs } = options;
  const ending = new AbortController();
  const account = options.backlog.open(peer.uid, evict);
  let phase: 'idle' | 'working' | 'holding' | 'over' = 'idle';
  let hasEnded = false;
  let waiting = 0;
  let mounts = 0;
  let turn: Promise<void> = Promise.resolve();
  let asked: (PromiseWithResolvers<Message> & { readonly timer: NodeJS.Timeout }) | null = null;
  /** What the client told, which counts until the work that asked for it is done. */
  let told: Hold | null = null;
  let making: PromiseWithResolvers<void> | null = null;

  const connection: Connection = {
    id,
    peer,
    closed: ending.signal,
    lease: null,
    tree: null,
    send: (name, items = []) => {
      if (ending.signal.aborted) return;
      if (name === 'launch' || name === 'leased') {
        phase = 'holding';
        connection.lease?.send();
      } else if (name === 'refuse' || name === 'fallback') phase = 'over';
      output.send(id, encodeMessage(name, items));
    },
    sendTree: (tree) => {
      if (ending.signal.aborted) return Promise.resolve();
      making = Promise.withResolvers();
      output.tree(id, tree);
      return making.promise;
    },
    ask: (items) => {
      if (ending.signal.aborted) return Promise.reject(gone());
      connection.send('ask', items);
      asked = { ...Promise.withResolvers<Message>(), timer: setTimeout(giveUp, answerMs) };
      return asked.promise;
    },
    close: () => {
      if (!ending.signal.aborted) output.close(id);
    },
  };

  function end(reason: symbol): void {
    ending.abort(reason);
    clearTimeout(asked?.timer);
    asked?.reject(gone());
    asked = null;
    making?.resolve();
  }

  /** Its memory is needed, or it does not answer: it is over at once, and the client is told by the end of its connection. */
  function giveUp(): void {
    connection.close();
    end(clientGone);
  }

  /** A client that was given its clone runs on; it has nothing more to count. */
  function evict(): void {
    if (phase !== 'holding') giveUp();
  }

  /** The work that such a message asks for; null: nothing that may come now. */
  function accept(name: MessageName | null): Work | null {
    if (phase === 'idle' && (name === 'query' || name === 'join')) return (message) => handlers[name](connection, message);
    if (phase === 'idle' && (name === 'run' || name === 'lease')) {
      phase = 'working';
      return (message) => handlers[name](connection, message);
    }
    if (phase === 'holding' && name === 'mount' && mounts < mostMounts) {
      mounts += 1;
      return () => handlers.mount(connection);
    }
    return null;
  }

  /** At once, because the end of the connection may come right behind it. */
  function noteEnd(frame: Uint8Array): void {
    const message = decode(frame);
    if (phase !== 'holding' || hasEnded || message === null) return connection.close();
    hasEnded = true;
    const [outcome = 0] = values(message, 'outcome');
    const [number = 0] = values(message, 'number');
    handlers.ended(connection, outcome, number);
  }

  function refuse(error: unknown): void {
    try {
      connection.send('refuse', options.refuse(error));
    } catch {
      // There are no words for it that a message can hold.
      connection.close();
    }
  }

  /** Null: there is no room for it, and the connection is closed. */
  function keep(frame: Uint8Array): Held | null {
    // What comes then is a `mount`, of which there are few and all are short: no clone is lost for it.
    const hold = phase === 'holding' ? uncounted : account.hold(frame.length);
    if (hold === null) connection.close();
    // A copy, for the frame is part of a piece that came from the broker, which would be kept as a whole.
    return hold === null ? null : { frame: new Uint8Array(frame), hold };
  }

  /** What is long to decode takes its turn for that too. */
  async function decodeInTurn(held: Held): Promise<Message | null> {
    await options.takeTurn(peer.uid);
    const { frame, hold } = held;
    held.frame = null;
    const message = frame === null || ending.signal.aborted || !hold.resize(messageBytes(frame)) ? null : decode(frame);
    if (message === null) connection.close();
    return message;
  }

  /** No function that waits here has the message: it is let go as soon as its handler has read it. */
  function work(held: Held, act: Work): Promise<void> {
    return decodeInTurn(held)
      .then((message) => (message === null ? undefined : act(message)))
      .catch((error: unknown) => {
        // What was leased is of no use to a client that was not told of it.
        if (phase === 'working') connection.lease?.release({ kind: 'failed', code: error instanceof IsolateError ? error.code : null });
        refuse(error);
      })
      .finally(() => {
        waiting -= 1;
        held.hold.release();
        told?.release();
        told = null;
      });
  }

  function takeAnswer(frame: Uint8Array, { resolve, reject, timer }: NonNullable<typeof asked>): void {
    clearTimeout(timer);
    asked = null;
    const held = keep(frame);
    told?.release();
    told = held?.hold ?? null;
    if (held === null) return reject(gone());
    void decodeInTurn(held).then((message) => (message === null ? reject(gone()) : resolve(message)));
  }

  return {
    connection,
    input: {
      message: (frame) => {
        if (ending.signal.aborted) return;
        making?.resolve();
        making = null;
        const name = nameOf(frame);
        if (name === 'answer' && asked !== null) return takeAnswer(frame, asked);
        if (name === 'ended') return noteEnd(frame);
        const act = waiting >= mostWaiting ? null : accept(name);
        if (act === null) return connection.close();
        const held = keep(frame);
        if (held === null) return;
        waiting += 1;
        turn = turn.then(() => work(held, act));
      },
      failed: (step, errno) => {
        making?.reject(treeFailure(step, errno));
        making = null;
      },
      end,
    },
  };
}

function decode(frame: Uint8Array): Message | null {
  try {
    return decodeMessage(frame, 'client');
  } catch {
    return null;
  }
}

function nameOf(frame: Uint8Array): MessageName | null {
  try {
    return frameName(frame, 'client');
  } catch {
    return null;
  }
}

function gone(): IsolateError {
  return new IsolateError('aborted', 'The client is gone.');
}
