import { IsolateError } from '../../../error.ts';
import type { LayerCompression } from '../../../template/push/image-documents.ts';
import { pushTemplate } from '../../../template/push/push.ts';
import { parsePushTarget } from '../../../template/push/target.ts';
import { openFillProgress } from '../../fill-progress.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { findGiven } from '../../../template/given.ts';
import { tell } from './tell.ts';
import { readInsecure } from './insecure.ts';
import { readWords } from './words.ts';

/** `isolate template push TEMPLATE TARGET`. */
export async function pushVerb(parsed: ParsedArguments): Promise<number> {
  const { flags, values } = parsed;
  const [word = '', to = ''] = readWords(parsed, 2, 2, 'isolate template push TEMPLATE TARGET');
  const compression = readCompression(values.get('compress'));
  const { ref, context, places } = await findGiven(word);
  const target = parsePushTarget(to, places);
  const insecure = readInsecure(parsed, target.kind === 'registry' ? target.reference : null, to);
  const progress = openFillProgress(flags.has('quiet') || flags.has('json'));
  const { digest, size } = await withStopSignals((signal) =>
    pushTemplate({ ref, target, compression, insecure, signal, onStep: progress.step, onProgress: progress.show }, context),
  ).finally(progress.end);
  tell(parsed, { template: word, target: to, digest, size }, `pushed ${word} to ${to}\ndigest ${digest}`);
  return 0;
}

function readCompression(text = 'gzip'): LayerCompression {
  if (text === 'gzip' || text === 'zstd') return text;
  throw new IsolateError('usage', `--compress takes gzip or zstd, not ${JSON.stringify(text)}.`);
}
