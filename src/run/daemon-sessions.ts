import { connectDaemon, type DaemonConnection } from '../client/daemon-connection.ts';
import { queryDaemon, receiveAnswer } from '../client/query.ts';
import { IsolateError } from '../error.ts';
import type { ListedSession } from '../session/look.ts';
import { formatSession, parseSession, type SessionRecord } from '../session/record.ts';

/** The sessions that the daemon keeps for the caller. All members throw the daemon's refusals, and `daemon-failed`. */
export interface DaemonSessions {
  readonly list: () => Promise<readonly ListedSession[]>;
  /** null: there is none of this name. */
  readonly find: (name: string) => Promise<SessionRecord | null>;
  readonly remove: (name: string) => Promise<void>;
  readonly rename: (from: string, to: string) => Promise<void>;
}

/** The storage may be slow. */
const answerMs = 60_000;
/** Where it is not asked. */
const findMs = 3_000;

/** Asks the daemon; null: there is none, or the caller may not ask it. */
export async function askDaemonsSessions<T>(ask: (sessions: DaemonSessions) => Promise<T>): Promise<T | null> {
  const connection = await connectDaemon().catch((error: unknown) => {
    if (error instanceof IsolateError && error.code === 'not-permitted') return null;
    throw error;
  });
  if (connection === null) return null;
  try {
    return await ask(sessionsOf(connection));
  } finally {
    connection.close();
  }
}

function sessionsOf(connection: DaemonConnection): DaemonSessions {
  const act = async (action: string, limitMs: number, ...names: readonly string[]): Promise<unknown> => {
    connection.send('session', [{ name: 'query', value: action }, ...names.map((value) => ({ name: 'session', value }) as const)]);
    return answered(await receiveAnswer(connection, action, limitMs));
  };
  return {
    list: async () => {
      const { sessions } = answered(await queryDaemon(connection, 'sessions', answerMs)) as { readonly sessions: readonly ListedSession[] };
      return sessions;
    },
    find: async (name) => parseSession(formatSession((await act('find', findMs, name)) as SessionRecord)),
    remove: async (name) => void (await act('remove', answerMs, name)),
    rename: async (from, to) => void (await act('rename', answerMs, from, to)),
  };
}

function answered(answer: unknown): unknown {
  if (answer === undefined) throw new IsolateError('daemon-failed', 'The daemon ended before it answered.');
  return answer;
}
