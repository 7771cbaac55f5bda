import { IsolateError } from '../error.ts';
import { values } from '../wire/frame.ts';
import { connectDaemon, type DaemonConnection, daemonSocket, refusalOf } from './daemon-connection.ts';
import { type LocalPools, openLocalPools } from './local-pools.ts';
import { createHostStatus, type HostStatus, type RunsDocument, type StatusDocument } from './status.ts';

/** Where status and runs are read, again and again. */
export interface StatusSource {
  readonly status: () => Promise<StatusDocument>;
  readonly runs: () => Promise<RunsDocument>;
  readonly close: () => void;
}

const answerMs = 10_000;

/**
 * Asks the daemon; where none runs, root reads the state directories itself. Its members throw `not-permitted` for other
 * users without a daemon, `daemon-failed`, and what the daemon refuses with.
 */
export function openStatusSource(uid: number, socket: string = daemonSocket): StatusSource {
  let connection: DaemonConnection | null = null;
  let local: { readonly pools: LocalPools; readonly host: HostStatus } | null = null;

  /** Undefined: no daemon answers. */
  async function ask(query: 'status' | 'ps'): Promise<unknown> {
    // A connection that was idle may be one to a daemon that is gone, and has been replaced.
    const kept = connection !== null;
    connection ??= await connectDaemon(socket);
    if (connection === null) return undefined;
    const answer = await askOnce(connection, query);
    if (answer !== undefined) return answer;
    connection.close();
    connection = null;
    return kept ? await ask(query) : undefined;
  }

  async function readLocally(): Promise<NonNullable<typeof local>> {
    if (uid !== 0) {
      throw new IsolateError('not-permitted', 'The daemon does not run, and only root can look at the pools without it.', {
        hint: 'systemctl start isolated.socket, or run isolate with sudo',
      });
    }
    if (local === null) {
      const pools = await openLocalPools();
      local = { pools, host: createHostStatus(pools.runtime) };
    }
    return local;
  }

  return {
    status: async () => {
      const answer = await ask('status');
      if (hasList(answer, 'pools')) return answer as StatusDocument;
      if (answer !== undefined) throw unknownAnswer();
      const { pools, host } = await readLocally();
      return { daemon: null, pools: await host.pools(await pools.find(), uid) };
    },
    runs: async () => {
      const answer = await ask('ps');
      if (hasList(answer, 'runs')) return answer as RunsDocument;
      if (answer !== undefined) throw unknownAnswer();
      return (await readLocally()).host.runs(uid);
    },
    close: () => connection?.close(),
  };
}

/** Undefined: the connection ended. */
async function askOnce(connection: DaemonConnection, query: string): Promise<unknown> {
  connection.send('query', [{ name: 'query', value: query }]);
  const message = await connection.receive(answerMs);
  if (message === null) return undefined;
  if (message.name === 'refuse') throw refusalOf(message);
  const [text = ''] = values<string>(message, 'json');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new IsolateError('daemon-failed', `The daemon answered ${query} with what is no JSON.`, { cause: error });
  }
}

/** A daemon of another version may still run. */
function hasList<Key extends string>(answer: unknown, list: Key): answer is Readonly<Record<Key, readonly unknown[]>> {
  return typeof answer === 'object' && answer !== null && Array.isArray((answer as Readonly<Record<string, unknown>>)[list]);
}

function unknownAnswer(): IsolateError {
  return new IsolateError('daemon-failed', 'The daemon answered with what this version does not know.', {
    hint: 'systemctl restart isolated-pools.service',
  });
}
