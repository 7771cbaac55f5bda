import { IsolateError } from '../error.ts';
import { values } from '../wire/frame.ts';
import { connectDaemon, type DaemonConnection, daemonSocket, refusalOf, SilentDaemon } from './daemon-connection.ts';

/** A question of `query` in gate/PROTOCOL.md. */
export type Query = 'status' | 'ps' | 'defaults' | 'sessions';

/** Questions to the daemon on one connection, which is renewed if the daemon was replaced. */
export interface DaemonQueries {
  /** Undefined: no daemon answers. Throws as `queryDaemon` and `connectDaemon` do, but for silence. */
  readonly ask: (query: Query) => Promise<unknown>;
  /** What happened to a daemon that existed; null: it has answered, or there was none. */
  readonly lost: () => 'ended' | 'silent' | null;
  readonly close: () => void;
}

const answerMs = 3_000;

export function openQueries(socket: string = daemonSocket): DaemonQueries {
  let connection: DaemonConnection | null = null;
  let lost: 'ended' | 'silent' | null = null;

  async function ask(query: Query): Promise<unknown> {
    // An idle connection may be to a daemon that has since been replaced.
    const wasIdle = connection !== null;
    connection ??= await connectDaemon(socket);
    if (connection === null) return undefined;
    const answer = await queryDaemon(connection, query, answerMs).catch((error: unknown) => {
      if (error instanceof SilentDaemon) return error;
      throw error;
    });
    const isSilent = answer instanceof SilentDaemon;
    lost = isSilent ? 'silent' : answer === undefined ? 'ended' : null;
    if (lost === null) return answer;
    connection.close();
    connection = null;
    return wasIdle && !isSilent ? await ask(query) : undefined;
  }

  return { ask, lost: () => lost, close: () => connection?.close() };
}

/** The answer of a daemon of any version; undefined: it closed the connection. Throws its refusal, and `daemon-failed`. */
export async function queryDaemon(connection: DaemonConnection, query: Query, limitMs: number): Promise<unknown> {
  connection.send('query', [{ name: 'query', value: query }]);
  return await receiveAnswer(connection, query, limitMs);
}

/** The JSON of a `text`; undefined: the daemon closed the connection. Throws its refusal, and `daemon-failed`. */
export async function receiveAnswer(connection: DaemonConnection, what: string, limitMs: number): Promise<unknown> {
  const message = await connection.receive(limitMs);
  if (message === null) return undefined;
  if (message.name === 'refuse') throw refusalOf(message);
  const [text = ''] = values(message, 'json');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new IsolateError('daemon-failed', `The daemon's answer to ${what} is not JSON.`, { cause: error });
  }
}
