import { changeTemplate } from '../../../template/open-store.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { findGiven, tell } from './given.ts';
import { readWords } from './words.ts';

/** `isolate template remove TEMPLATE`. */
export async function removeVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template remove TEMPLATE');
  const { ref, context } = await findGiven(word);
  await changeTemplate(ref, context, (store) => store.remove());
  tell(parsed, { template: word, removed: true }, `${word} is removed`);
  return 0;
}
