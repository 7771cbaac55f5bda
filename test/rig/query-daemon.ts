import { once } from 'node:events';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { decodeMessage, encodeMessage, type Item, values } from '../../src/wire/frame.ts';
import type { MessageName } from '../../src/wire/schema.ts';
import { isolatePath } from './isolate.ts';

/** What is answered to a query: a message, or bytes as they are; null: the connection is closed. */
export type QueryAnswer = { readonly name: MessageName; readonly items: readonly Item[] } | Buffer | null;

/** Something that listens where the daemon does, for those who see its directory as /run/isolate. */
export interface QueryDaemon {
  /** Told to every query from now on. */
  answer: (query: string) => QueryAnswer;
  /** Told to whoever asks for a clone, before the connection ends; null: nothing is. */
  wait: string | null;
  /** Queries so far. */
  readonly queries: string[];
  /** How isolate is started so that it sees this daemon; `uid` is whom it runs as. */
  readonly command: (uid?: number) => readonly [file: string, ...args: string[]];
  /** Ends all connections and listens no more; `listen` begins again. */
  readonly hangUp: () => Promise<void>;
  readonly listen: () => Promise<void>;
  /** Gives its directory and its socket these modes. */
  readonly restrict: (directoryMode: number, socketMode: number) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** A document as the daemon answers it. */
export function documentAnswer(document: unknown): QueryAnswer {
  return { name: 'text', items: [{ name: 'json', value: JSON.stringify(document) }] };
}

/** Starts one, which has nothing to say yet. */
export async function startQueryDaemon(): Promise<QueryDaemon> {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-fake-'));
  await chmod(directory, 0o755);
  const enter = join(directory, 'enter');
  await writeFile(
    enter,
    `#!/bin/sh\nexec unshare --mount --propagation private -- sh -c 'mount --bind ${directory} /run/isolate && exec "$@"' sh "$@"\n`,
    { mode: 0o755 },
  );
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  const fake: QueryDaemon = {
    answer: () => null,
    wait: null,
    queries: [],
    command: (uid = 0) => [enter, ...(uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']), isolatePath],
    hangUp: async () => {
      for (const socket of sockets) socket.destroy();
      server?.close();
      await rm(join(directory, 'isolated.sock'), { force: true });
    },
    listen: async () => {
      server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {}).on('close', () => sockets.delete(socket));
        socket.on('data', (frame: Buffer) => {
          const message = decodeMessage(frame, 'client');
          // The client in C asks first whether it is to do it.
          if (message.name === 'lease' && fake.wait !== null) {
            return socket.end(encodeMessage('message', [{ name: 'text', value: fake.wait }]));
          }
          if (message.name !== 'query') return socket.end(encodeMessage('fallback'));
          const [query = ''] = values(message, 'query');
          fake.queries.push(query);
          const answer = fake.answer(query);
          if (answer === null) return socket.end();
          return socket.write(Buffer.isBuffer(answer) ? answer : encodeMessage(answer.name, answer.items));
        });
      }).listen(join(directory, 'new.sock'));
      await once(server, 'listening');
      // It is open to all as soon as it can be seen.
      await chmod(join(directory, 'new.sock'), 0o666);
      await rename(join(directory, 'new.sock'), join(directory, 'isolated.sock'));
    },
    restrict: async (directoryMode, socketMode) => {
      await chmod(directory, directoryMode);
      await chmod(join(directory, 'isolated.sock'), socketMode);
    },
    end: async () => {
      await fake.hangUp();
      await rm(directory, { recursive: true });
    },
  };
  await fake.listen();
  return fake;
}
