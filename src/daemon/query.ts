import type { ConfigSource } from '../config/source.ts';
import { IsolateError } from '../error.ts';
import { toFailure } from '../pool/failure.ts';
import type { HostStatus, RunsDocument, StatusDocument } from '../status/status.ts';
import { type Message, values } from '../wire/frame.ts';
import type { Connection } from './connection.ts';
import type { Peer } from './peer.ts';
import type { Sessions } from './sessions.ts';
import type { MaintainedPool } from './pools.ts';

export interface QueryServices {
  readonly sessions: Pick<Sessions, 'list'>;
  readonly status: HostStatus;
  readonly pools: () => readonly MaintainedPool[];
  /** Whether it may know about the template. */
  readonly maySee: (peer: Peer, template: string) => boolean;
  /** Which limits users' runs can have. */
  readonly limits: () => readonly string[];
  readonly settings: Pick<ConfigSource, 'current' | 'hasHeld' | 'problem'>;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
}

/** The questions. */
export type Question = 'ps' | 'status';

export interface Queries {
  /** Answers a `query`. Throws `usage` for an unknown question. */
  readonly handle: (connection: Connection, message: Message) => Promise<void>;
  /** The document, as JSON, with what the peer may see. */
  readonly read: (question: Question, peer: Peer) => Promise<string>;
}

/** An answer is reused for this time, so that endless questions cost no more than occasional ones. */
const freshMs = 50;

export function createQueries(services: QueryServices): Queries {
  const answers = new Map<string, { readonly sinceMs: number; readonly json: Promise<string> }>();

  function read(question: Question, peer: Peer): Promise<string> {
    const nowMs = performance.now();
    for (const [key, { sinceMs }] of answers) if (nowMs - sinceMs > freshMs) answers.delete(key);
    const seen = services.pools().filter(({ template }) => services.maySee(peer, template));
    // Keyed by what the peer may see, not by its groups, because a user can give each connection different groups.
    const key = [question, peer.uid, ...seen.map(({ template }) => template)].join(' ');
    const known = answers.get(key);
    if (known !== undefined) return known.json;
    const json = answer(question, peer, seen, services).then((document) => JSON.stringify(document));
    answers.set(key, { sinceMs: nowMs, json });
    return json;
  }

  return {
    read,
    handle: async (connection, message) => {
      const [question = ''] = values(message, 'query');
      if (question === 'defaults') {
        const { template, engine, store } = services.settings.current();
        connection.send('text', [{ name: 'json', value: JSON.stringify({ template, engine, store }) }]);
        return;
      }
      if (question === 'sessions') {
        const sessions = await services.sessions.list(connection.peer.uid);
        connection.send('text', [{ name: 'json', value: JSON.stringify({ sessions }) }]);
        return;
      }
      if (question !== 'ps' && question !== 'status') {
        throw new IsolateError('usage', `The daemon does not know the query ${JSON.stringify(question)}.`);
      }
      connection.send('text', [{ name: 'json', value: await read(question, connection.peer) }]);
    },
  };
}

async function answer(
  question: Question,
  peer: Peer,
  seen: readonly MaintainedPool[],
  { status, maySee, limits, settings, startedMs }: QueryServices,
): Promise<StatusDocument | RunsDocument> {
  if (question === 'ps') {
    return { runs: status.runs(peer.uid).runs.filter(({ uid, template }) => uid === peer.uid || maySee(peer, template)) };
  }
  const shown = seen.map(({ pool, driver, failure, count }) => ({
    pool,
    driver: driver ?? (failure === null ? null : toFailure(failure)),
    count,
  }));
  // It names other users.
  const problem = peer.rights === 'root' ? settings.problem() : null;
  return {
    daemon: { pid: process.pid, sinceMs: startedMs, serves: settings.hasHeld(), limits: limits() },
    pools: await status.pools(shown, peer.uid),
    settings: problem === null ? null : { error: toFailure(problem.error), sinceMs: problem.sinceMs },
  };
}
