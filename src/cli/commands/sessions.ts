import { quote } from '../../launch/format.ts';
import { toJson } from '../../json.ts';
import { IsolateError } from '../../error.ts';
import { callersSessions } from '../../run/find-session.ts';
import { removeSessions } from '../../run/remove-sessions.ts';
import { renameSession, listSessions } from '../../session/index-files.ts';
import type { SessionRecord } from '../../session/record.ts';
import { parseSessionName } from '../../spec/parse-name.ts';
import { rootName } from '../../spec/root-ref.ts';
import { callerContext } from '../../template/context.ts';
import { formatAge, formatTime } from '../format-time.ts';
import { print, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { formatTable } from '../table.ts';
import { refuseWords } from './refuse-words.ts';
import { tell } from './template/tell.ts';

const titles = ['SESSION', 'AGE', 'USED', 'TEMPLATE', 'ENGINE', 'COMMAND'];

/** `isolate sessions`: what runs of the caller have kept. */
export async function sessionsVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate sessions [OPTIONS]');
  const { uid, index } = callersSessions();
  const sessions = listSessions(index, uid);
  if (parsed.flags.has('json')) print(`${toJson({ sessions })}\n`);
  else
    print(
      `${formatTable(
        [titles, ...sessions.map(rowOf)],
        titles.map(() => 'left'),
      ).join('\n')}\n`,
    );
  return 0;
}

function rowOf({ name, createdMs, usedMs, root, engine, command }: SessionRecord): readonly string[] {
  return [name, formatAge(Date.now() - createdMs), formatTime(usedMs), rootName(root), engine, command.map(quote).join(' ')];
}

/** `isolate rm NAME...` */
export async function rmVerb(parsed: ParsedArguments): Promise<number> {
  const { words } = parsed;
  if (words.length === 0) throw new IsolateError('usage', 'No session was given.', { hint: 'isolate rm NAME...' });
  const { facts } = await callerContext();
  await removeSessions(words, facts, (message) => write(2, `isolate: ${message}\n`));
  tell(parsed, { removed: words }, `${words.join(', ')} ${words.length === 1 ? 'is' : 'are'} removed`);
  return 0;
}

/** `isolate rename NAME NEW` */
export async function renameVerb(parsed: ParsedArguments): Promise<number> {
  const [from, to, stray] = parsed.words;
  if (from === undefined || to === undefined || stray !== undefined) {
    throw new IsolateError('usage', 'The old and the new name of a session are needed.', { hint: 'isolate rename NAME NEW' });
  }
  const { uid, index } = callersSessions();
  renameSession(index, uid, from, parseSessionName(to));
  tell(parsed, { session: to }, `${from} is called ${to} now`);
  return 0;
}
