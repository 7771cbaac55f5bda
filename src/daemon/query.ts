import { IsolateError } from '../error.ts';
import { toFailure } from '../pool/failure.ts';
import type { HostStatus, RunsDocument, StatusDocument } from '../run/status.ts';
import { type Message, values } from '../wire/frame.ts';
import type { Connection } from './connection.ts';
import type { KeptPool } from './pools.ts';

export interface QueryServices {
  readonly status: HostStatus;
  readonly pools: () => readonly KeptPool[];
  /** Milliseconds since 1970. */
  readonly startedMs: number;
}

/** Answers a `query` with what its peer may see. Throws `usage` for a question that there is not. */
export async function handleQuery(connection: Connection, message: Message, services: QueryServices): Promise<void> {
  const [question = ''] = values<string>(message, 'query');
  const document = await answer(question, connection.peer.uid, services);
  connection.send('text', [{ name: 'json', value: JSON.stringify(document) }]);
}

async function answer(question: string, uid: number, services: QueryServices): Promise<StatusDocument | RunsDocument> {
  const { status, pools, startedMs } = services;
  if (question === 'ps') return status.runs(uid);
  if (question !== 'status') throw new IsolateError('usage', `The daemon cannot be asked for ${JSON.stringify(question)}.`);
  const shown = pools().map(({ pool, driver, failure, count }) => ({
    pool,
    driver: driver ?? (failure === null ? null : toFailure(failure)),
    count,
  }));
  return { daemon: { pid: process.pid, sinceMs: startedMs }, pools: await status.pools(shown, uid) };
}
