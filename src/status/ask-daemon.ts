import { IsolateError } from '../error.ts';
import type { DaemonAnswer } from '../host/survey/daemon.ts';
import { connectDaemon } from '../client/daemon-connection.ts';
import { queryDaemon } from '../client/query.ts';
import type { StatusDocument } from './status.ts';

const answerMs = 5_000;

/** Asks the daemon whether it is running, for at most 5 s; never throws. */
export async function askDaemon(socket: string): Promise<DaemonAnswer> {
  try {
    const connection = await connectDaemon(socket);
    if (connection === null) return { kind: 'none' };
    try {
      const answer = await queryDaemon(connection, 'status', answerMs);
      return answer === undefined ? { kind: 'silent', reason: 'it ended the connection' } : { kind: 'serves', ...readStatus(answer) };
    } finally {
      connection.close();
    }
  } catch (error) {
    if (error instanceof IsolateError && error.code === 'not-permitted') {
      return { kind: 'not-permitted', reason: error.message.replace(/\.$/, ''), hint: error.hint ?? '' };
    }
    return { kind: 'silent', reason: (error as Error).message };
  }
}

function readStatus(answer: unknown): Omit<Extract<DaemonAnswer, { kind: 'serves' }>, 'kind'> {
  const { daemon, pools } = answer as Required<Pick<StatusDocument, 'daemon' | 'pools'>>;
  const templates = daemon?.serves === false ? null : pools.map(({ template }) => template);
  return { pid: daemon?.pid ?? 0, templates, limits: daemon?.limits ?? [] };
}
