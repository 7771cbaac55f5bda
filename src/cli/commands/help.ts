import { engines } from '../../engine/registry.ts';
import { IsolateError } from '../../error.ts';
import { renderHelp } from '../help.ts';
import { nearest } from '../../spec/nearest.ts';
import { type Verb, verbs } from '../options.ts';
import { print } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';

/** `isolate help [VERB]`, and `--help` anywhere before the command. */
export function helpVerb({ verb, words }: ParsedArguments): number {
  print(renderHelp(engines, verb === 'help' ? parseVerb(words) : verb === 'run' ? null : verb));
  return 0;
}

function parseVerb(words: readonly string[]): Verb | null {
  const [word, ...more] = words;
  const verb = verbs.find((name) => name === word);
  if (more.length > 0 || (word !== undefined && verb === undefined)) {
    const near = nearest(word ?? '', verbs);
    const hint = near === null ? `the verbs are ${verbs.join(', ')}` : `did you mean ${near}?`;
    throw new IsolateError('usage', `There is no help on ${JSON.stringify(words.join(' '))}.`, { hint });
  }
  return verb ?? null;
}
