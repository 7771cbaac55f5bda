import { changeTemplate } from '../../../template/open-store.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { findGiven, tell } from './given.ts';
import { readWords } from './words.ts';

/** `isolate template rollback TEMPLATE LABEL`. */
export async function rollbackVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', label = ''] = readWords(parsed, 2, 2, 'isolate template rollback TEMPLATE LABEL');
  const { ref, context } = await findGiven(word);
  const { kept } = await changeTemplate(ref, context, (store) => store.rollback(label));
  const way = kept === null ? '' : `; ${word}@${kept.label} keeps the state before`;
  tell(parsed, { template: word, label, kept }, `${word} is as in ${word}@${label} again${way}`);
  return 0;
}
