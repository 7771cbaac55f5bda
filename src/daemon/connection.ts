import type { Item, Message } from '../wire/frame.ts';
import type { MessageName } from '../wire/schema.ts';
import type { RunVoice } from './command-line.ts';
import type { DaemonLease } from './lease.ts';
import type { Peer } from './peer.ts';
import type { PlacedTree, Tree } from './tree.ts';

/** One client. Messages to a client that is gone are dropped. */
export interface Connection {
  readonly id: number;
  readonly peer: Peer;
  /** Aborted when the connection ends; its reason is `clientGone`, or `brokerGone` if the client may live on. */
  readonly closed: AbortSignal;
  /** What this connection leased; set by the handler, so that `mount` and `ended` find it. */
  lease: DaemonLease | null;
  /** What `mount` hands over, by its number; empty: nothing. */
  trees: readonly Tree[];
  /** How the client of a run hears about an error; null: as text. Set by the handler. */
  voice: Pick<RunVoice, 'lines' | 'statusDescriptor' | 'renderError'> | null;
  readonly send: (name: MessageName, items?: readonly Item[]) => void;
  /** Settles at the latest with the client's next message or end; rejects with IsolateError if the tree could not be made. */
  readonly sendTree: (tree: PlacedTree) => Promise<void>;
  /**
   * Sends `ask` and waits for the client's `answer`; rejects with `aborted` when the connection ends, which it does if no answer comes in
   * time.
   */
  readonly ask: (items: readonly Item[]) => Promise<Message>;
  readonly close: () => void;
}

/** The messages that report an error to a client: `refuse`, and what comes before it. */
export type Refuse = (error: unknown, voice: Connection['voice']) => readonly Message[];

/** The handlers of clients' messages. What a handler throws is sent as `refuse`. */
export interface Handlers {
  readonly run: (connection: Connection, message: Message) => Promise<void>;
  readonly lease: (connection: Connection, message: Message) => Promise<void>;
  readonly query: (connection: Connection, message: Message) => Promise<void>;
  readonly join: (connection: Connection, message: Message) => Promise<void>;
  readonly session: (connection: Connection, message: Message) => Promise<void>;
  /** `number`: of the tree. */
  readonly mount: (connection: Connection, number: number) => Promise<void>;
  /** `outcome` and `number` as in gate/PROTOCOL.md. */
  readonly ended: (connection: Connection, outcome: number, number: number) => void;
}

/** The daemon's side of the broker's pipe, as far as one connection needs it. */
export interface ConnectionOutput {
  readonly send: (connection: number, frame: Uint8Array) => void;
  readonly tree: (connection: number, tree: PlacedTree) => void;
  readonly close: (connection: number) => void;
}

/** What the broker reports about one connection. */
export interface ConnectionInput {
  readonly message: (frame: Uint8Array) => void;
  readonly failed: (step: number, errno: number) => void;
  readonly end: (reason: symbol) => void;
}
