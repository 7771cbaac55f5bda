import { connect, type Socket } from 'node:net';

import { formatSetup, parseAnswer, parseSetup } from './x11-protocol.ts';

const limitMs = 5000;

/** No message that we ask for is longer; whatever sends more is not an X server. */
const limitBytes = 2 ** 20;

/** An accepted connection to an X server. */
export interface X11Connection {
  /** Sends requests, of which only the last has a reply, and returns it; null if the server reports an error. */
  readonly ask: (...requests: Buffer[]) => Promise<Buffer | null>;
  readonly close: () => void;
}

/**
 * Connects to an X server's socket with or without a cookie. Null: the server refuses, or does not answer within 5 s. An open connection
 * does not keep the process alive.
 */
export async function connectX11(socketPath: string, cookie: Uint8Array | null): Promise<X11Connection | null> {
  const socket = connect(socketPath);
  const take = readFrom(socket);
  socket.write(formatSetup(cookie));
  const setup = await take(parseSetup);
  if (setup?.accepted !== true) {
    socket.destroy();
    return null;
  }
  return {
    ask: async (...requests) => {
      socket.ref().write(Buffer.concat(requests));
      const answer = await take(parseAnswer);
      return answer?.kind === 'reply' ? answer.bytes : null;
    },
    close: () => socket.destroy(),
  };
}

type Take = <T extends { readonly length: number }>(parse: (bytes: Buffer) => T | null) => Promise<T | null>;

/** A reader of one message at a time; null when the connection fails, ends or is silent for too long. */
function readFrom(socket: Socket): Take {
  let received: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length > limitBytes) socket.destroy();
    wake();
  });
  for (const event of ['error', 'close'] as const) {
    socket.on(event, () => {
      ended = true;
      wake();
    });
  }
  return async (parse) => {
    const timer = setTimeout(() => socket.destroy(), limitMs);
    try {
      for (;;) {
        const message = parse(received);
        if (message !== null) {
          received = received.subarray(message.length);
          return message;
        }
        if (ended) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      socket.unref();
    }
  };
}
