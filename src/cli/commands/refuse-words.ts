import { IsolateError } from '../../error.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';

/** Throws `usage` if a verb that takes only options was given a word. */
export function refuseWords({ words: [word] }: ParsedArguments, form: string): void {
  if (word !== undefined) throw new IsolateError('usage', `Unexpected argument ${JSON.stringify(word)}.`, { hint: form });
}
