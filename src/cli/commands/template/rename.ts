import { templates } from '../../../template/library.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

/** `isolate template rename TEMPLATE NEW`. */
export async function renameVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', wanted = ''] = readWords(parsed, 2, 2, 'isolate template rename TEMPLATE NEW');
  const renamed = await templates.rename(word, wanted);
  tell(parsed, { template: word, renamed }, `${word} is ${word.includes('/') ? renamed : wanted} now`);
  return 0;
}
