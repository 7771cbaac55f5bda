import { isatty } from 'node:tty';

import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { expandHome, type PathBase } from '../../../template/path-base.ts';
import { parseDestination, splitLabel } from '../../../template/transfer/destination.ts';
import { type Sent, sendTemplate } from '../../../template/transfer/send.ts';
import { openFile, openStandardOutput, type Sink } from '../../../template/transfer/sink.ts';
import { askOffer, openRemote } from '../../../template/transfer/ssh.ts';
import { parseHostPath } from '../../../spec/parse-path.ts';
import { print, write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { formatBytes } from '../../render-template.ts';
import { findGiven } from '../../../template/given.ts';
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
  const { template, label } = splitLabel(word);
  const { ref, context, places } = await findGiven(template);
  const file = to.kind === 'file' ? absolute(to.path, places) : '';
  const transfer = async ({ signal, onProgress }: Following): Promise<Sent | null> => {
    const offer = to.kind === 'host' ? await askOffer(to, signal) : null;
    const open = async (): Promise<Sink> => {
      if (to.kind === 'standard-output') return openStandardOutput();
      return to.kind === 'file' ? openFile(file) : await openRemote(to, signal);
    };
    const receiver = to.kind === 'host' ? `${to.template} on ${to.host}` : (where ?? '');
    return await sendTemplate({ ref, name: template, label, asTar: flags.has('tar'), offer, receiver, open, onProgress, signal }, context);
  };
  const sent = await follow(parsed, transfer, 'sent');
  report(parsed, to.kind === 'standard-output', word, where, sent);
  return 0;
}

function absolute(path: string, base: PathBase): string {
  return parseHostPath('usage', 'The file', expandHome('usage', path, base), base.workingDirectory);
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
