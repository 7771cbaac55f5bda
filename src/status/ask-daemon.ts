import { IsolateError } from '../error.ts';
import type { DaemonAnswer } from '../host/survey/daemon.ts';
import { values } from '../wire/frame.ts';
import { connectDaemon, refusalOf } from '../client/daemon-connection.ts';
import type { StatusDocument } from './status.ts';

const answerMs = 5_000;

/** Asks the daemon whether it is there, for at most 5 s; never throws. */
export async function askDaemon(socket: string): Promise<DaemonAnswer> {
  try {
    const connection = await connectDaemon(socket);
    if (connection === null) return { kind: 'none' };
    try {
      connection.send('query', [{ name: 'query', value: 'status' }]);
      const message = await connection.receive(answerMs);
      if (message === null) return { kind: 'silent', reason: 'it ended the connection' };
      if (message.name === 'refuse') return { kind: 'silent', reason: refusalOf(message).message };
      return { kind: 'serves', ...readStatus(values(message, 'json')[0] ?? '') };
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

function readStatus(text: string): Omit<Extract<DaemonAnswer, { kind: 'serves' }>, 'kind'> {
  const { daemon, pools } = JSON.parse(text) as Required<Pick<StatusDocument, 'daemon' | 'pools'>>;
  const templates = daemon?.serves === false ? null : pools.map(({ template }) => template);
  return { pid: daemon?.pid ?? 0, templates, limits: daemon?.limits ?? [] };
}
