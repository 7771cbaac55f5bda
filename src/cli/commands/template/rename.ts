import { templates } from '../../../template/library.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

/** `isolate template rename TEMPLATE NEW`. Its steps are short or cannot be taken back, so the first signal lets it finish. */
export async function renameVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', wanted = ''] = readWords(parsed, 2, 2, 'isolate template rename TEMPLATE NEW');
  const renamed = await withStopSignals(() => templates.rename(word, wanted));
  tell(parsed, { template: word, renamed }, `${word} is ${word.includes('/') ? renamed : wanted} now`);
  return 0;
}
