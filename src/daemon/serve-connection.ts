import { encodeMessage, type Item, type Message, values } from '../wire/frame.ts';
import type { MessageName } from '../wire/schema.ts';
import type { Account, Backlog, Hold } from './backlog.ts';
import type { Connection, ConnectionInput, ConnectionOutput, Handlers, Refuse } from './connection.ts';
import { failedOutcome } from './ended.ts';
import { clientGone, goneError } from './gone.ts';
import { decodeClient, decodeHeld, type HeldMessage, holdMessage, nameOf } from './held-message.ts';
import type { Peer } from './peer.ts';
import { type PlacedTree, treeFailure } from './tree.ts';
import type { TakeTurn } from './turns.ts';

export interface ConnectionOptions {
  readonly id: number;
  readonly peer: Peer;
  readonly output: ConnectionOutput;
  readonly handlers: Handlers;
  readonly refuse: Refuse;
  readonly takeTurn: TakeTurn;
  readonly backlog: Pick<Backlog, 'open'>;
  /** How long a client may take to answer. */
  readonly answerMs?: number;
}

/** isolate's own clients never have more messages than this waiting for their turn. */
const mostWaiting = 8;
/** Nor do they need more mounts: one for a run and each hook, two for each look at changes. Each keeps the broker busy for a while. */
const mostMounts = 1024;

/** A client only looks at its own files and variables; if its file system hangs, the program in Node serves it better. */
const defaultAnswerMs = 10_000;

/** A client whose daemon is silent for 5 s goes on without it (client/client.c). */
const lifeMs = 1_500;

type Work = (message: Message) => Promise<void>;

interface Serving extends Pick<ConnectionOptions, 'output' | 'handlers' | 'refuse' | 'takeTurn'> {
  readonly connection: Connection;
  readonly ending: AbortController;
  readonly account: Account;
  readonly answerMs: number;
  /** `holding`: the client has its clone; `over`: nothing more is expected. */
  phase: 'idle' | 'working' | 'holding' | 'over';
  hasEnded: boolean;
  /** Messages that wait for their turn. */
  waiting: number;
  mounts: number;
  /** Settles when all messages so far are done. */
  turn: Promise<void>;
  asked: (PromiseWithResolvers<Message> & { readonly timer: NodeJS.Timeout }) | null;
  /** The client's answers, which count until the work that asked for them is done. */
  told: Hold | null;
  making: PromiseWithResolvers<void> | null;
}

/** Serves one client: its messages in order, one at a time, each only where it is expected; an unexpected one ends the connection. */
export function serveConnection(options: ConnectionOptions): { readonly connection: Connection; readonly input: ConnectionInput } {
  const { id, peer, output, handlers, refuse, takeTurn, answerMs = defaultAnswerMs } = options;
  const ending = new AbortController();
  const connection: Connection = {
    id,
    peer,
    closed: ending.signal,
    lease: null,
    trees: [],
    voice: null,
    send: (name, items = []) => send(serving, name, items),
    sendTree: (tree) => sendTree(serving, tree),
    ask: (items) => ask(serving, items),
    close: () => close(serving),
  };
  const serving: Serving = {
    output,
    handlers,
    refuse,
    takeTurn,
    connection,
    ending,
    answerMs,
    // A client that has its clone goes on running and holds nothing more that counts.
    account: options.backlog.open(peer.uid, () => (serving.phase === 'holding' ? undefined : giveUp(serving))),
    phase: 'idle',
    hasEnded: false,
    waiting: 0,
    mounts: 0,
    turn: Promise.resolve(),
    asked: null,
    told: null,
    making: null,
  };
  return {
    connection,
    input: {
      message: (frame) => receive(serving, frame),
      failed: (step, errno) => {
        serving.making?.reject(treeFailure(step, errno));
        serving.making = null;
      },
      end: (reason) => end(serving, reason),
    },
  };
}

function send(serving: Serving, name: MessageName, items: readonly Item[]): void {
  const { connection, ending, output } = serving;
  if (ending.signal.aborted) return;
  if (name === 'launch' || name === 'leased') {
    serving.phase = 'holding';
    connection.lease?.send();
  } else if (name === 'refuse' || name === 'fallback') serving.phase = 'over';
  output.send(connection.id, encodeMessage(name, items));
  if (name !== 'launch' || connection.trees.length === 0) return;
  // The launch needs it at once, so the client does not ask for it.
  serving.mounts += 1;
  const handedOver = serving.turn.then(() => serving.handlers.mount(connection, 0));
  serving.turn = handedOver.catch((error: unknown) => sendRefusal(serving, error));
}

function sendTree(serving: Serving, tree: PlacedTree): Promise<void> {
  if (serving.ending.signal.aborted) return Promise.resolve();
  serving.making = Promise.withResolvers();
  serving.output.tree(serving.connection.id, tree);
  return serving.making.promise;
}

function ask(serving: Serving, items: readonly Item[]): Promise<Message> {
  if (serving.ending.signal.aborted) return Promise.reject(goneError());
  serving.connection.send('ask', items);
  serving.asked = { ...Promise.withResolvers<Message>(), timer: setTimeout(() => giveUp(serving), serving.answerMs) };
  return serving.asked.promise;
}

function close({ connection, ending, output }: Serving): void {
  if (!ending.signal.aborted) output.close(connection.id);
}

function end(serving: Serving, reason: symbol): void {
  const { ending, asked, making } = serving;
  ending.abort(reason);
  clearTimeout(asked?.timer);
  asked?.reject(goneError());
  serving.asked = null;
  making?.resolve();
}

/** Its memory is needed, or it does not answer: everything ends at once, and the client sees the end of its connection. */
function giveUp(serving: Serving): void {
  close(serving);
  end(serving, clientGone);
}

function receive(serving: Serving, frame: Uint8Array): void {
  if (serving.ending.signal.aborted) return;
  serving.making?.resolve();
  serving.making = null;
  const name = nameOf(frame);
  if (name === 'answer' && serving.asked !== null) return takeAnswer(serving, frame, serving.asked);
  if (name === 'ended') return noteEnd(serving, frame);
  const act = serving.waiting >= mostWaiting ? null : accept(serving, name);
  if (act === null) return close(serving);
  const held = hold(serving, frame);
  if (held === null) return;
  serving.waiting += 1;
  serving.turn = serving.turn.then(() => work(serving, held, act));
}

/** The work for such a message; null: it may not come now. */
function accept(serving: Serving, name: MessageName | null): Work | null {
  const { phase, handlers, connection } = serving;
  const isNow = name === 'query' || name === 'join' || name === 'session' || name === 'run' || name === 'lease';
  if (phase === 'idle' && isNow) {
    if (name === 'run' || name === 'lease') serving.phase = 'working';
    return (message) => handlers[name](connection, message);
  }
  if (phase === 'holding' && name === 'mount' && serving.mounts < mostMounts) {
    serving.mounts += 1;
    return (message) => handlers.mount(connection, values(message, 'number')[0] ?? 0);
  }
  return null;
}

/** At once, because the end of the connection may come right behind it. */
function noteEnd(serving: Serving, frame: Uint8Array): void {
  const message = decodeClient(frame);
  if (serving.phase !== 'holding' || serving.hasEnded || message === null) return close(serving);
  serving.hasEnded = true;
  const [outcome = 0] = values(message, 'outcome');
  const [number = 0] = values(message, 'number');
  serving.handlers.ended(serving.connection, outcome, number);
}

function takeAnswer(serving: Serving, frame: Uint8Array, { resolve, reject, timer }: NonNullable<Serving['asked']>): void {
  clearTimeout(timer);
  serving.asked = null;
  const held = hold(serving, frame);
  serving.told?.release();
  serving.told = held?.hold ?? null;
  if (held === null) return reject(goneError());
  void decodeInTurn(serving, held).then((message) => (message === null ? reject(goneError()) : resolve(message)));
}

/** No waiting function keeps the message, so it is freed as soon as its handler has read it. */
function work(serving: Serving, held: HeldMessage, act: Work): Promise<void> {
  const life = setInterval(() => showLife(serving), lifeMs);
  return decodeInTurn(serving, held)
    .then((message) => (message === null ? undefined : act(message)))
    .catch((error: unknown) => {
      // A lease is of no use to a client that was not told about it.
      if (serving.phase === 'working') serving.connection.lease?.release(failedOutcome(error));
      sendRefusal(serving, error);
    })
    .finally(() => {
      clearInterval(life);
      serving.waiting -= 1;
      held.hold.release();
      serving.told?.release();
      serving.told = null;
    });
}

/** Only to a client that waits for us, not one that we wait for. */
function showLife({ phase, asked, connection }: Serving): void {
  if (phase === 'working' && asked === null) connection.send('message', [{ name: 'text', value: '' }]);
}

function sendRefusal(serving: Serving, error: unknown): void {
  try {
    const { send, voice } = serving.connection;
    for (const { name, items } of serving.refuse(error, voice)) send(name, items);
  } catch {
    // No message can hold its text.
    close(serving);
  }
}

/** Null: there is no room for it, and the connection is closed. */
function hold(serving: Serving, frame: Uint8Array): HeldMessage | null {
  // After the lease only `mount` messages come, which are few and short, so no clone is lost because of them.
  const held = holdMessage(frame, serving.phase === 'holding' ? null : serving.account);
  if (held === null) close(serving);
  return held;
}

/** A message that takes long to decode waits for its turn first. Null: it could not be decoded, and the connection is closed. */
async function decodeInTurn(serving: Serving, held: HeldMessage): Promise<Message | null> {
  await serving.takeTurn(serving.connection.peer.uid);
  const message = serving.ending.signal.aborted ? null : decodeHeld(held);
  if (message === null) close(serving);
  return message;
}
