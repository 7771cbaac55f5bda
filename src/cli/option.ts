import type { OptionForm } from '../spec/options/option.ts';
import type { Verb } from './verbs.ts';

/** An option and its verbs. Parsing, help, the manual page and completions are made from these. */
export interface Option extends OptionForm {
  readonly verbs: readonly [Verb, ...Verb[]];
  /** The variable of the caller's environment that does the same. */
  readonly variable?: { readonly name: string; readonly says?: string };
}
