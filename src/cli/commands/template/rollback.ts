import { templates } from '../../../template/library.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

/** `isolate template rollback TEMPLATE LABEL`. */
export async function rollbackVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', label = ''] = readWords(parsed, 2, 2, 'isolate template rollback TEMPLATE LABEL');
  const { kept } = await withStopSignals((signal) => templates.rollback(word, label, { signal }));
  const way = kept === null ? '' : `; ${word}@${kept.label} keeps the state before`;
  tell(parsed, { template: word, label, kept }, `${word} is as in ${word}@${label} again${way}`);
  return 0;
}
