import { engines } from '../../engine/registry.ts';
import { IsolateError } from '../../error.ts';
import { renderHelp } from '../help.ts';
import { nearest } from '../../spec/nearest.ts';
import { allVerbs, type Verb, verbs } from '../verbs.ts';
import { print } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';

/** `isolate help [VERB]`, and `--help` anywhere before the command. */
export function helpVerb({ verb, words }: ParsedArguments): number {
  print(renderHelp(engines, verb === 'help' ? parseVerb(words) : verb === 'run' ? null : verb));
  return 0;
}

function parseVerb(words: readonly string[]): Verb | null {
  const text = words.join(' ');
  const verb = allVerbs.find((name) => name === text);
  if (verb === undefined && words.length > 0) {
    const near = nearest(text, allVerbs);
    const hint = near === null ? `the verbs are ${verbs.join(', ')}` : `did you mean ${near}?`;
    throw new IsolateError('usage', `There is no help on ${JSON.stringify(text)}.`, { hint });
  }
  return verb ?? null;
}
