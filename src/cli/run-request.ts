import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import { runOptions } from '../spec/options/table.ts';
import type { RunRequest } from '../spec/request.ts';
import { verbs } from './options.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { verbNotFirst } from './parse-run.ts';

/** The request of a command line of `run` or `doctor --prove`. Checks nothing; `resolveSpec` does that. */
export function toRunRequest({ flags, values, lists, words }: ParsedArguments): RunRequest {
  const asked = new Map<string, unknown>();
  for (const { long, key, says = true } of runOptions) {
    const given = values.get(long) ?? lists.get(long);
    if (given !== undefined) asked.set(key, given);
    else if (flags.has(long)) asked.set(key, typeof says === 'string' ? [...((asked.get(key) ?? []) as string[]), says] : says);
  }
  return { ...(Object.fromEntries(asked) as Partial<RunRequest>), command: words };
}

/**
 * Refuses a run without a root if its command is a verb, is nearly one, or has no option before it. Throws `usage`.
 */
export function checkMisspelledVerb({ flags, values, lists, words: [word] }: ParsedArguments): void {
  if (word === undefined || values.has('zfs') || values.has('template')) return;
  const verb = nearest(word, verbs);
  if (verb === word) throw verbNotFirst(verb);
  if (verb === null && flags.size + values.size + lists.size > 0) return;
  // Every two-letter word is near `ps`.
  const hint = verb === null || word.length < 3 ? `isolate -z DATASET ${word}` : `did you mean ${verb}?`;
  throw new IsolateError('usage', `There is no verb ${JSON.stringify(word)}, and a run needs -z DATASET or -t DIR.`, { hint });
}

/** Options of `run` that mean nothing without or with the refresh form. Throws `usage`. */
export function checkRefreshForm({ flags, values, lists, words }: ParsedArguments): void {
  const given = [...flags, ...values.keys(), ...lists.keys()];
  const allowed = ['refresh', 'force', 'skip-create', 'quiet', 'trace', 'json'];
  const isRefresh = values.has('refresh');
  const stray = isRefresh
    ? given.find((name) => !allowed.includes(name))
    : given.find((name) => name === 'force' || name === 'skip-create');
  if (stray !== undefined) {
    throw new IsolateError('usage', isRefresh ? `The option --${stray} cannot be combined with -r.` : `The option --${stray} needs -r.`);
  }
  if (values.has('install-wrapper') && (given.length > 1 || words.length > 0)) {
    throw new IsolateError('usage', '-w cannot be combined with other options or a command.');
  }
}
