import { logEvent } from '../log.ts';
import { decodeMessage, type Item, values } from '../wire/frame.ts';
import type { BrokerEvents } from './broker.ts';
import { brokerGone, clientGone, type ConnectionInput, type ConnectionOutput, type Handlers, serveConnection } from './connection.ts';
import { readPeer } from './peer.ts';
import { createTurns } from './turns.ts';

export interface ClientsOptions {
  readonly output: ConnectionOutput;
  readonly handlers: Handlers;
  readonly refuse: (error: unknown) => readonly Item[];
  /** The whole HTTP response to a client of the metrics socket. */
  readonly renderMetrics: () => Uint8Array;
  readonly bootId: string;
}

/** All clients that are connected: what the broker tells goes to the one it is about. */
export function serveClients(options: ClientsOptions): Omit<BrokerEvents, 'ready' | 'lost'> & { readonly lost: () => void } {
  const { output, handlers, refuse } = options;
  const inputs = new Map<number, ConnectionInput>();
  const takeTurn = createTurns();
  return {
    opened: (id, kind, told) => {
      if (kind === 'metrics') inputs.set(id, serveMetrics(id, output, options.renderMetrics));
      else inputs.set(id, serveConnection({ id, peer: readPeer(told, options.bootId), output, handlers, refuse, takeTurn }).input);
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

/** A defect in the service of one client must not end that of all. */
function guard(act: () => void): void {
  try {
    act();
  } catch (error) {
    logEvent('error', { event: 'internal', stack: (error as Error).stack }, 'A message could not be handled by a defect of isolate.');
  }
}

function serveMetrics(id: number, output: ConnectionOutput, render: () => Uint8Array): ConnectionInput {
  return {
    message: (frame) => {
      try {
        if (isMetricsQuery(frame)) output.send(id, render());
      } finally {
        output.close(id);
      }
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
