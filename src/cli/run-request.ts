import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import { type OptionValue, type OptionValues, requestOf } from '../spec/options/values.ts';
import type { RunRequest } from '../spec/request.ts';
import { verbs } from './verbs.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { verbNotFirst } from './parse-run.ts';

/** The request of a command line of `run` or `doctor --prove`. Checks nothing; `resolveSpec` does that. */
export function toRunRequest(parsed: ParsedArguments): RunRequest {
  return requestOf(optionValues(parsed), parsed.words);
}

/** What a command line asks of each option. */
export function optionValues({ flags, values, lists }: ParsedArguments): OptionValues {
  return new Map<string, OptionValue>([...[...flags].map((name) => [name, true] as const), ...values, ...lists]);
}

/**
 * Refuses a run that names no root if its command is a verb or is nearly one, or has no option before it and there is no default to run
 * on. With a default, `run` before it says that the command is meant. Throws `usage`.
 */
export function checkMisspelledVerb({ flags, values, lists, words: [word], isTyped }: ParsedArguments, hasDefault: boolean): void {
  if (word === undefined || (hasDefault && isTyped === true)) return;
  const verb = nearest(word, verbs);
  if (verb === word) throw verbNotFirst(verb);
  // Every two-letter word is near `ps`.
  const isNear = verb !== null && word.length >= 3;
  if (hasDefault) {
    if (isNear)
      throw new IsolateError('usage', `There is no verb ${JSON.stringify(word)}.`, {
        hint: `did you mean ${verb}? If it is a command: isolate run ${word}`,
      });
    return;
  }
  if (verb === null && flags.size + values.size + lists.size > 0) return;
  const hint = isNear
    ? `did you mean ${verb}?`
    : `isolate -c TEMPLATE ${word}, or make a template for runs that name none: isolate template create debian --from debian:trixie --default`;
  throw new IsolateError('usage', `There is no verb ${JSON.stringify(word)}, and a run needs -c TEMPLATE, -z DATASET or -t DIR.`, { hint });
}

/** Options of `run` that mean nothing without or with the refresh form. Throws `usage`. */
export function checkRefreshForm({ flags, values, lists, words, preset }: ParsedArguments): void {
  const given = [...flags, ...values.keys(), ...lists.keys()];
  const allowed = ['refresh', 'force', 'skip-create', 'quiet', 'trace', 'json'];
  const isRefresh = values.has('refresh');
  const stray = isRefresh
    ? given.find((name) => !allowed.includes(name))
    : given.find((name) => name === 'force' || name === 'skip-create');
  if (preset !== undefined && (isRefresh || values.has('install-wrapper'))) {
    throw new IsolateError('usage', `The preset @${preset} is for runs only.`);
  }
  if (stray !== undefined) {
    throw new IsolateError('usage', isRefresh ? `The option --${stray} cannot be combined with -r.` : `The option --${stray} needs -r.`);
  }
  if (values.has('install-wrapper') && (given.length > 1 || words.length > 0)) {
    throw new IsolateError('usage', '-w cannot be combined with other options or a command.');
  }
}
