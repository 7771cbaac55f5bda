import { templates } from '../../../template/library.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

/** `isolate template remove TEMPLATE`. */
export async function removeVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template remove TEMPLATE');
  await templates.remove(word);
  tell(parsed, { template: word, removed: true }, `${word} is removed`);
  return 0;
}
