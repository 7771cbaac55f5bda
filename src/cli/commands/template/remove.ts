import { templates } from '../../../template/library.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

/** `isolate template remove TEMPLATE[@LABEL]`. Its steps are short or cannot be taken back, so the first signal lets it finish. */
export async function removeVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template remove TEMPLATE[@LABEL]');
  await withStopSignals(() => templates.remove(word));
  tell(parsed, { template: word, removed: true }, `${word} is removed`);
  return 0;
}
