import { logEvent } from '../log.ts';
import { decodeMessage, values } from '../wire/frame.ts';
import type { Caller } from './access.ts';
import { createBacklog } from './backlog.ts';
import type { BrokerEvents } from './broker.ts';
import type { ConnectionInput, ConnectionOutput, Handlers, Refuse } from './connection.ts';
import { brokerGone, clientGone } from './gone.ts';
import { readPeer } from './peer.ts';
import { serveConnection } from './serve-connection.ts';
import { createTurns } from './turns.ts';

export interface ClientsOptions {
  readonly output: ConnectionOutput;
  readonly handlers: Handlers;
  readonly refuse: Refuse;
  /** The complete HTTP response to this client of the metrics socket. */
  readonly renderMetrics: (peer: Caller) => Uint8Array;
  /** As in `createTurns`: nothing more is answered while sent messages are unread. */
  readonly pause?: () => Promise<void> | null;
  /** Whether a peer is not served at all. */
  readonly isTurnedAway: (uid: number) => boolean;
  readonly bootId: string;
}

/** All connected clients: what the broker reports goes to the client it is about. */
export function serveClients(options: ClientsOptions): Omit<BrokerEvents, 'ready' | 'lost'> & { readonly lost: () => void } {
  const { output, handlers, refuse } = options;
  const inputs = new Map<number, ConnectionInput>();
  const takeTurn = createTurns(options.pause);
  const backlog = createBacklog();
  return {
    opened: (id, kind, told) => {
      if (options.isTurnedAway(told.uid)) return output.close(id);
      if (kind === 'metrics') {
        const answer = (): void => output.send(id, options.renderMetrics(told));
        return void inputs.set(
          id,
          serveMetrics(id, output, () => takeTurn(told.uid).then(() => guard(answer))),
        );
      }
      const peer = readPeer(told, options.bootId);
      inputs.set(id, serveConnection({ id, peer, output, handlers, refuse, takeTurn, backlog }).input);
    },
    message: (id, frame) => guard(() => inputs.get(id)?.message(frame)),
    failed: (id, step, errno) => inputs.get(id)?.failed(step, errno),
    closed: (id, lost) => {
      const input = inputs.get(id);
      inputs.delete(id);
      input?.end(lost ? brokerGone : clientGone);
    },
    lost: () => {
      const gone = [...inputs.values()];
      inputs.clear();
      for (const input of gone) input.end(brokerGone);
    },
  };
}

/** A bug met by one client must not end the service for all. */
function guard(act: () => void): void {
  try {
    act();
  } catch (error) {
    logEvent('error', { event: 'internal', stack: (error as Error).stack }, 'A message failed because of a bug in isolate.');
  }
}

function serveMetrics(id: number, output: ConnectionOutput, answer: () => Promise<void>): ConnectionInput {
  let asked = false;
  return {
    message: (frame) => {
      // A connection has one request; a front that was taken over might send more.
      if (asked) return;
      asked = true;
      const answered = isMetricsQuery(frame) ? answer() : Promise.resolve();
      void answered.then(() => output.close(id));
    },
    failed: () => {},
    end: () => {},
  };
}

function isMetricsQuery(frame: Uint8Array): boolean {
  try {
    const message = decodeMessage(frame, 'client');
    return message.name === 'query' && values(message, 'query')[0] === 'metrics';
  } catch {
    return false;
  }
}
