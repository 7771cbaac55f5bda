import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';

import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { parseSize } from '../../../spec/parse-number.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { callerContext } from '../../../template/context.ts';
import { newTemplate } from '../../../template/find.ts';
import { templateName } from '../../../template/template-ref.ts';
import { abortTransfer, makeOffer } from '../../../template/transfer/make-offer.ts';
import { keepAliveSeconds } from '../../../template/transfer/keep-alive.ts';
import { openSent } from '../../../template/transfer/open-sent.ts';
import { type Received, receiveTemplate } from '../../../template/transfer/receive.ts';
import { escapeControls } from '../../escape.ts';
import { print, write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { formatBytes } from '../../render-template.ts';
import { follow, type Following } from './follow.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

const form = 'isolate template receive TEMPLATE [FILE]';

/** `isolate template receive TEMPLATE [FILE]`. */
export async function receiveVerb(parsed: ParsedArguments): Promise<number> {
  const { flags, values } = parsed;
  const only = flags.has('offer') || flags.has('abort');
  const [word = '', file] = readWords(parsed, 1, only ? 1 : 2, form);
  const places = await callerPlaces();
  const ref = newTemplate(word, places);
  if (flags.has('offer')) {
    print(`${toJson(await makeOffer(ref, await callerContext()))}\n`);
    return 0;
  }
  if (flags.has('abort')) {
    const aborted = await abortTransfer(ref, await callerContext());
    tell(
      parsed,
      { template: templateName(ref), aborted },
      aborted ? `what was received of ${word} is removed` : `nothing was received of ${word}`,
    );
    return 0;
  }
  const size = values.get('max-size');
  const limit = size === undefined ? {} : { maxBytes: parseSize('--max-size', size) };
  const { name, input } = openInput(file, places.workingDirectory);
  const context = await callerContext();
  const timer = flags.has('keep-alive') ? setInterval(() => void write(1, '\n'), keepAliveSeconds * 1000) : undefined;
  const receive = ({ signal, onProgress }: Following): Promise<Received> =>
    receiveTemplate({ ref, input, name, ...limit, onProgress, signal }, context);
  const received = await follow(parsed, receive, 'received').finally(() => clearInterval(timer));
  tell(parsed, { template: templateName(ref), received }, escapeControls(describe(word, received)));
  return 0;
}

/** Throws `bad-source`, `usage`. */
function openInput(file: string | undefined, workingDirectory: string): { readonly name: string; readonly input: Readable } {
  if (file === undefined || file === '-') {
    if (isatty(0)) throw new IsolateError('usage', 'A template cannot be received from a terminal.', { hint: `${form}, or < FILE` });
    return { name: 'standard input', input: process.stdin };
  }
  return openSent(file, workingDirectory);
}

function describe(word: string, { label, bytes, carried, name }: Received): string {
  const part = carried.kind === 'zfs' ? { whole: '', changes: ', only the changes', rest: ', the rest' }[carried.part] : '';
  return `received ${label === null ? word : `${word}@${label}`} from ${name}: ${formatBytes(bytes)}${part}`;
}
