import { quote } from '../../launch/format.ts';
import { toJson } from '../../json.ts';
import { IsolateError } from '../../error.ts';
import { findId, findUserName } from '../../host/passwd.ts';
import { readText } from '../../host/read-text.ts';
import { listCallersSessions, removeCallersSessions, renameCallersSession } from '../../run/callers-sessions.ts';
import type { ListedSession } from '../../session/look.ts';
import { parseSessionName } from '../../spec/parse-name.ts';
import { rootName } from '../../spec/root-ref.ts';
import { callerContext } from '../../template/context.ts';
import { formatAge } from '../format-time.ts';
import { print, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { formatBytes } from '../render-template.ts';
import { formatTable } from '../table.ts';
import { refuseWords } from './refuse-words.ts';
import { tell } from './template/tell.ts';

const warn = (message: string): void => void write(2, `isolate: ${message}\n`);

/** `isolate sessions`: what runs of the caller have kept. */
export async function sessionsVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate sessions [OPTIONS]');
  const all = parsed.flags.has('all');
  const sessions = await listCallersSessions((await callerContext()).facts, all, warn);
  print(parsed.flags.has('json') ? `${toJson({ sessions })}\n` : render(sessions, all));
  return 0;
}

function render(sessions: readonly ListedSession[], all: boolean): string {
  if (sessions.length === 0) return 'There are no sessions. isolate --keep -c TEMPLATE COMMAND keeps the root of a run as one.\n';
  const owner = (word: string): readonly string[] => (all ? [word] : []);
  const titles = ['SESSION', ...owner('OWNER'), 'SIZE', 'AGE', 'USED', 'TEMPLATE', 'ENGINE', 'COMMAND'];
  const rows = sessions.map((session) => rowOf(session, owner(userName(session.uid))));
  const sides = titles.map((title) => (title === 'SIZE' ? 'right' : 'left'));
  return `${formatTable([titles, ...rows], sides).join('\n')}\n`;
}

function rowOf(session: ListedSession, owner: readonly string[]): readonly string[] {
  const { name, sizeBytes, createdMs, usedMs, inUse, root, engine, command } = session;
  const used = inUse ? 'now' : formatAge(Date.now() - usedMs);
  const size = sizeBytes === null ? '?' : formatBytes(sizeBytes);
  return [name, ...owner, size, formatAge(Date.now() - createdMs), used, rootName(root), engine, command.map(quote).join(' ')];
}

/** `isolate rm NAME...` */
export async function rmVerb(parsed: ParsedArguments): Promise<number> {
  const { words, values } = parsed;
  if (words.length === 0) throw new IsolateError('usage', 'No session was given.', { hint: 'isolate rm NAME...' });
  const owner = values.get('owner');
  const { facts } = await callerContext();
  await removeCallersSessions(facts, words, owner === undefined ? null : uidOf(owner), warn);
  tell(parsed, { removed: words }, `${words.join(', ')} ${words.length === 1 ? 'is' : 'are'} removed`);
  return 0;
}

/** `isolate rename NAME NEW` */
export async function renameVerb(parsed: ParsedArguments): Promise<number> {
  const [from, to, stray] = parsed.words;
  if (from === undefined || to === undefined || stray !== undefined) {
    throw new IsolateError('usage', 'The old and the new name of a session are needed.', { hint: 'isolate rename NAME NEW' });
  }
  const name = parseSessionName(to);
  await renameCallersSession((await callerContext()).facts, from, name, warn);
  tell(parsed, { session: name }, `${from} is now called ${name}`);
  return 0;
}

const passwdFile = '/etc/passwd';

function uidOf(user: string): number {
  const uid = /^[0-9]{1,10}$/.test(user) ? Number(user) : findId(readText(passwdFile) ?? '', user);
  if (uid === null) throw new IsolateError('usage', `There is no user ${JSON.stringify(user)}.`, { hint: 'give its name or its number' });
  return uid;
}

function userName(uid: number): string {
  return findUserName(readText(passwdFile) ?? '', uid) ?? String(uid);
}
