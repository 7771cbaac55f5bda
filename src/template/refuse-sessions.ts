import { IsolateError } from '../error.ts';
import type { SessionRecord } from '../session/record.ts';

/** Throws `template-busy` where sessions are on a template. */
export function refuseSessions(template: string, sessions: readonly Pick<SessionRecord, 'name' | 'uid'>[], ownUid: number): void {
  const [first] = sessions;
  if (first === undefined) return;
  const names = sessions.map(({ name, uid }) => (uid === ownUid ? name : `${name} (of user ${uid})`)).join(', ');
  const owner = first.uid === ownUid ? '' : `--owner ${first.uid} `;
  throw new IsolateError('template-busy', `${sessions.length === 1 ? 'A session is' : 'Sessions are'} on ${template}: ${names}.`, {
    hint: `isolate rm ${owner}${first.name} removes ${sessions.length === 1 ? 'it' : 'the first'}`,
  });
}
