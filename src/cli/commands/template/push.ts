import { IsolateError } from '../../../error.ts';
import type { LayerCompression } from '../../../template/push/image-documents.ts';
import { pushTemplate } from '../../../template/push/push.ts';
import { parsePushTarget } from '../../../template/push/target.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { findGiven } from '../../../template/given.ts';
import { tell } from './tell.ts';
import { follow } from './follow.ts';
import { readInsecure } from './insecure.ts';
import { readWords } from './words.ts';

/** `isolate template push TEMPLATE TARGET`. */
export async function pushVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', to = ''] = readWords(parsed, 2, 2, 'isolate template push TEMPLATE TARGET');
  const compression = readCompression(parsed.values.get('compress'));
  const { ref, context, places } = await findGiven(word);
  const target = parsePushTarget(to, places);
  const insecure = readInsecure(parsed, target.kind === 'registry' ? target.reference : null, to);
  const { digest, size } = await follow(parsed, (following) => pushTemplate({ ref, target, compression, insecure, ...following }, context));
  tell(parsed, { template: word, target: to, digest, size }, `pushed ${word} to ${to}\ndigest ${digest}`);
  return 0;
}

function readCompression(text = 'gzip'): LayerCompression {
  if (text === 'gzip' || text === 'zstd') return text;
  throw new IsolateError('usage', `--compress takes gzip or zstd, not ${JSON.stringify(text)}.`);
}
