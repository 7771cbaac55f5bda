import { IsolateError } from '../../../error.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';

/** The words of a verb, from `least` to `most` of them. `form` is how the verb is called. Throws `usage`. */
export function readWords({ words }: ParsedArguments, least: number, most: number, form: string): readonly string[] {
  if (words.length === 0) throw new IsolateError('usage', 'No template was given.', { hint: form });
  if (words.length < least) {
    // Behind `isolate template VERB`.
    const missing = form.split(' ')[3 + words.length]?.replace('...', '') ?? '';
    throw new IsolateError('usage', `${missing} is missing.`, { hint: form });
  }
  const stray = words[most];
  if (stray !== undefined) throw new IsolateError('usage', `Unexpected argument ${JSON.stringify(stray)}.`, { hint: form });
  return words;
}
