import { toJson } from '../../../json.ts';
import { parseSize } from '../../../spec/parse-number.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { callerContext } from '../../../template/context.ts';
import { newTemplate } from '../../../template/find.ts';
import { parsePullSource, type Pulled, pullTemplate } from '../../../template/pull.ts';
import { templateName } from '../../../template/template-ref.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { follow } from './follow.ts';
import { readInsecure } from './insecure.ts';
import { describeFilled } from './made.ts';
import { readWords } from './words.ts';

const form = 'isolate template pull TEMPLATE docker://IMAGE';

/** `isolate template pull TEMPLATE docker://IMAGE`. */
export async function pullVerb(parsed: ParsedArguments): Promise<number> {
  const { flags, values } = parsed;
  const [word = '', from = ''] = readWords(parsed, 2, 2, form);
  const reference = parsePullSource(from);
  const size = values.get('max-size');
  const limits = size === undefined ? {} : { maxBytes: parseSize('--max-size', size) };
  const ref = newTemplate(word, await callerPlaces());
  const context = await callerContext();
  const insecure = readInsecure(parsed, reference, from);
  const pulled = await follow(parsed, (following) => pullTemplate({ ref, reference, insecure, ...limits, ...following }, context));
  if (flags.has('json')) print(`${toJson({ template: templateName(ref), ...toDocument(pulled) })}\n`);
  else if (!flags.has('quiet')) print(`${describe(word, from, pulled).join('\n')}\n`);
  return 0;
}

function toDocument(pulled: Pulled): object {
  if (pulled.kind === 'same') return { pulled: 'same', digest: pulled.digest };
  const { record, left } = pulled.filled;
  return { pulled: pulled.kind, record, left, ...(pulled.kind === 'replaced' ? { kept: pulled.kept } : {}) };
}

function describe(word: string, from: string, pulled: Pulled): readonly string[] {
  switch (pulled.kind) {
    case 'same':
      return [`${word} is up to date: ${from} is the image that it was made from`];
    case 'made':
      return [`made ${word} from ${from}`, ...describeFilled(pulled.filled), `a shell in a throw-away copy of it: isolate -c ${word} bash`];
    case 'replaced': {
      const way = pulled.kept === null ? '' : `; ${word}@${pulled.kept.label} keeps the state before`;
      return [`${word} is as ${from} now${way}`, ...describeFilled(pulled.filled)];
    }
  }
}
