import { IsolateError } from '../../../error.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';

/** The only word of a verb, a template. `form` is how the verb is called. Throws `usage`. */
export function readTemplateWord({ words }: ParsedArguments, form: string): string {
  const [template, stray] = words;
  if (template === undefined) throw new IsolateError('usage', 'No template was given.', { hint: form });
  if (stray !== undefined) throw new IsolateError('usage', `Unexpected argument ${JSON.stringify(stray)}.`, { hint: form });
  return template;
}
