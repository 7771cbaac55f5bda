import { isatty } from 'node:tty';

import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { parseDestination } from '../../../template/transfer/destination.ts';
import type { Sent } from '../../../template/transfer/send.ts';
import { sendGiven } from '../../../template/transfer/send-given.ts';
import { print, write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { formatBytes } from '../../render-template.ts';
import { follow, type Following } from './follow.ts';
import { readWords } from './words.ts';

const form = 'isolate template send TEMPLATE[@LABEL] [FILE | HOST:TEMPLATE]';

/** `isolate template send TEMPLATE[@LABEL] [TO]`. */
export async function sendVerb(parsed: ParsedArguments): Promise<number> {
  const { flags } = parsed;
  const [word = '', where] = readWords(parsed, 1, 2, form);
  const to = parseDestination(where);
  if (to.kind === 'standard-output' && isatty(1)) {
    throw new IsolateError('usage', 'A template cannot be sent to a terminal.', { hint: form });
  }
  const send = ({ signal, onProgress }: Following): Promise<Sent | null> =>
    sendGiven(word, to, where ?? '', { tar: flags.has('tar'), onProgress, signal });
  const sent = await follow(parsed, send, 'sent');
  report(parsed, to.kind === 'standard-output', word, where, sent);
  return 0;
}

/** Standard output may be the stream's. */
function report({ flags }: ParsedArguments, isStream: boolean, word: string, where: string | undefined, sent: Sent | null): void {
  const say = isStream ? (text: string): void => void write(2, text) : print;
  if (flags.has('json')) say(`${toJson({ template: word, to: where ?? null, sent })}\n`);
  else if (!flags.has('quiet')) say(`${describe(word, where ?? 'standard output', sent)}\n`);
}

function describe(word: string, where: string, sent: Sent | null): string {
  if (sent === null) return `${where} has this snapshot of ${word} already`;
  const { label, carried, bytes } = sent;
  const part = carried.kind === 'zfs' ? { whole: '', changes: ', only the changes', rest: ', the rest' }[carried.part] : '';
  const what = label === null || word.endsWith(`@${label}`) ? word : `${word}@${label}`;
  return `sent ${what} to ${where}: ${formatBytes(bytes)}${part}`;
}
