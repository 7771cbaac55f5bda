import { IsolateError } from '../error.ts';
import { type Message, values } from '../wire/frame.ts';
import { parseSessionName } from '../spec/parse-name.ts';
import type { Keeping } from '../spec/spec.ts';
import type { Connection } from './connection.ts';
import type { Sessions } from './sessions.ts';
import type { WantedSession } from './wanted-session.ts';

/** Answers a `session`: finds, removes or renames a session of the client's user. Throws the error for the client. */
export async function handleSession({ peer, send }: Connection, message: Message, sessions: Sessions): Promise<void> {
  const [action = ''] = values(message, 'query');
  const [name = '', to = ''] = values(message, 'session');
  const answer = await act(sessions, peer.uid, action, name, to);
  send('text', [{ name: 'json', value: JSON.stringify(answer) }]);
}

async function act(sessions: Sessions, uid: number, action: string, name: string, to: string): Promise<unknown> {
  switch (action) {
    case 'find':
      return sessions.find(uid, name);
    case 'remove':
      await sessions.remove(uid, name);
      return null;
    case 'rename':
      await sessions.rename(uid, name, parseSessionName(to));
      return null;
    default:
      throw new IsolateError('usage', `The daemon does not know what ${JSON.stringify(action)} is to do with a session.`);
  }
}

/** What the client of a `lease` wants of a session; undefined: nothing. Throws `bad-name`. */
export function wantedSession(message: Message): WantedSession | undefined {
  const [name] = values(message, 'session');
  const [keep] = values(message, 'keep');
  if (keep === undefined) {
    const [base = 2] = values(message, 'base');
    const looks = base < 2;
    return name === undefined ? undefined : { kind: 'enter', name: parseSessionName(name), looks };
  }
  const when: Keeping['when'] = keep === 1 ? 'always' : 'failure';
  return { kind: 'keep', keeping: { name: name === undefined ? null : parseSessionName(name), when } };
}
